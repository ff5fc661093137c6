"""Where the pods of a campaign are to run, and whether their namespace is there."""

from collections.abc import Iterator
from dataclasses import dataclass

from labelcycle.pipelines.cluster import LABELLING_SECRET, SETTINGS_MAP, STORAGE_SECRET, TRACKING_SECRET
from labelcycle.pipelines.doctor.check_result import Check, CheckResult, failed, passed, warned
from labelcycle.pipelines.doctor.kubernetes_api import KubernetesApi
from labelcycle.pipelines.profiles.profile import Profile

ENFORCED = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True)
class Cluster:
    """Where pods are to run, and what they take there.

    Attributes:
        api: of Kubernetes.
        namespace: of the pods.
        profile: what each stage's pod asks for.
        image: of the stages; empty where none was named.
        root: of the campaign; empty where none was named.
        tool: address of the campaign's labelling tool; empty where there is none.
        tells_by: the variables that it takes to tell people as the campaign wants.
        service_account: of the pods; empty for what the installation gives them.
        storage_secret, tracking_secret, labelling_secret, settings_map: names in the namespace.
    """

    api: KubernetesApi
    namespace: str
    profile: Profile
    image: str = ""
    root: str = ""
    tool: str = ""
    tells_by: tuple[str, ...] = ()
    service_account: str = ""
    storage_secret: str = STORAGE_SECRET
    tracking_secret: str = TRACKING_SECRET
    labelling_secret: str = LABELLING_SECRET
    settings_map: str = SETTINGS_MAP

    @property
    def path(self) -> str:
        """Of the namespace's own objects."""
        return f"/api/v1/namespaces/{self.namespace}"

    def path_in(self, group: str, version: str = "v1") -> str:
        """Of the namespace's objects of a group."""
        return f"/apis/{group}/{version}/namespaces/{self.namespace}"


def namespace_checks(cluster: Cluster, made_by: str) -> list[Check]:
    """What to look at of the namespace.

    Args:
        cluster: where it is.
        made_by: what makes it, for the remedy where it is missing.
    """
    return [Check("cluster", "namespace", lambda: check_namespace(cluster, made_by))]


def check_namespace(cluster: Cluster, made_by: str) -> Iterator[CheckResult]:
    """Whether the namespace is there, and which pod security standard it enforces."""
    name = cluster.namespace
    found = cluster.api.get(cluster.path)
    if found is None:
        yield failed("namespace", f"there is no namespace {name}", f"{made_by}, or name another with --namespace.")
        return
    if (found.get("status") or {}).get("phase") == "Terminating":
        yield failed("namespace", f"{name} is being deleted", "Wait until it is gone, and make it anew.", may_pass=True)
        return
    yield passed("namespace", f"{name} is there")
    standard = ((found.get("metadata") or {}).get("labels") or {}).get(ENFORCED)
    if standard is None:
        yield warned(
            "pod security",
            f"{name} enforces no pod security standard",
            f"Stages hold to `restricted`: kubectl label namespace {name} {ENFORCED}=restricted",
        )
    else:
        yield passed("pod security", f"{name} enforces `{standard}`, which stages hold to")
