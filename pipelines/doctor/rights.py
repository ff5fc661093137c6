"""What the user may do, and what the account of the stages may do, as the cluster's own access reviews answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from labelcycle.pipelines.doctor.check_result import Check, CheckResult, Status, failed, listed, passed, warned
from labelcycle.pipelines.doctor.kubernetes_api import Json
from labelcycle.pipelines.doctor.namespace import Cluster

ARGO = "argoproj.io"
REVIEWS = "authorization.k8s.io"


@dataclass(frozen=True)
class Right:
    """Verbs on a resource, which may be one below another, such as `pods/log`."""

    group: str
    resource: str
    verbs: tuple[str, ...]

    def asked(self, namespace: str) -> Iterator[tuple[str, dict[str, str]]]:
        """Each verb in words, and as a review asks for it."""
        resource, _, below = self.resource.partition("/")
        for verb in self.verbs:
            attributes = {"namespace": namespace, "verb": verb, "group": self.group, "resource": resource}
            yield f"{verb} {self.resource}", attributes | ({"subresource": below} if below else {})


@dataclass(frozen=True)
class Purpose:
    """What rights are for.

    Attributes:
        check: its name in the report.
        what: the commands that need them.
        rights: what they need.
        without: how it is where one is missing.
    """

    check: str
    what: str
    rights: Sequence[Right]
    without: Status


ARGO_PURPOSES = (
    Purpose(
        "to submit",
        "`argo submit`",
        [Right(ARGO, "workflows", ("create",)), Right(ARGO, "workflowtemplates", ("get",))],
        "fail",
    ),
    Purpose(
        "to watch",
        "`argo get`, `argo logs` and `kubectl describe`",
        [
            Right(ARGO, "workflows", ("get", "list", "watch")),
            Right("", "pods", ("get", "list")),
            Right("", "pods/log", ("get",)),
            Right("", "events", ("list",)),
        ],
        "warn",
    ),
    Purpose(
        "to steer",
        "`argo resume`, `argo terminate` and `argo cron resume`",
        [Right(ARGO, "workflows", ("update", "patch")), Right(ARGO, "cronworkflows", ("get", "update", "patch"))],
        "warn",
    ),
)
"""What pipelines/argo/README.md has people do once all is installed."""

_WRITE = ("create", "patch")
INSTALLATION = Purpose(
    "to install",
    "`kubectl apply -k`",
    [
        Right(ARGO, "workflowtemplates", _WRITE),
        Right(ARGO, "cronworkflows", _WRITE),
        Right("", "configmaps", _WRITE),
        Right("", "limitranges", _WRITE),
        Right("", "serviceaccounts", _WRITE),
        Right("", "services", _WRITE),
        Right("apps", "deployments", _WRITE),
        Right("networking.k8s.io", "networkpolicies", _WRITE),
        Right("policy", "poddisruptionbudgets", _WRITE),
        Right("rbac.authorization.k8s.io", "roles", _WRITE),
        Right("rbac.authorization.k8s.io", "rolebindings", _WRITE),
    ],
    "warn",
)
"""What the overlay for Argo brings into the namespace. Asked where something of it is missing or old."""

KUBEFLOW_PURPOSES = (
    Purpose(
        "to submit",
        "`labelcycle submit` and `labelcycle schedule`",
        [
            Right("pipelines.kubeflow.org", "experiments", ("create", "get", "list")),
            Right("pipelines.kubeflow.org", "runs", ("create", "get", "list")),
            Right("pipelines.kubeflow.org", "jobs", ("create", "delete", "disable", "enable", "get", "list")),
        ],
        "warn",
    ),
)
"""What Kubeflow Pipelines asks the cluster about its users where it has several.

It may know them by other names than the cluster's, so that what is missing here is no failure.
"""


def rights_checks(cluster: Cluster, purposes: Sequence[Purpose]) -> list[Check]:
    """One check a purpose."""
    return [Check("rights", purpose.check, partial(check_rights, cluster, purpose)) for purpose in purposes]


def check_rights(cluster: Cluster, purpose: Purpose) -> Iterator[CheckResult]:
    """Whether the user has all rights that a purpose needs."""
    missing = [
        words
        for right in purpose.rights
        for words, attributes in right.asked(cluster.namespace)
        if not _review(cluster, "SelfSubjectAccessReview", {"resourceAttributes": attributes})
    ]
    if not missing:
        yield passed(purpose.check, f"you have in {cluster.namespace} the rights for {purpose.what}")
        return
    seen = f"for {purpose.what} you lack rights in {cluster.namespace}: {listed(missing, most=len(missing))}"
    remedy = "Ask whoever runs the cluster for a Role with these rights, or to do it."
    yield failed(purpose.check, seen, remedy) if purpose.without == "fail" else warned(purpose.check, seen, remedy)


def stage_account_checks(cluster: Cluster, rights: Sequence[Right], made_by: str) -> list[Check]:
    """What to look at of the account that the stages run as.

    Args:
        cluster: where it is.
        rights: that it needs; none where the installation sees to that.
        made_by: what makes it, for the remedy where it is missing.
    """
    checks = [Check("pods", "service account", partial(check_stage_account, cluster, made_by))]
    if rights:
        checks.append(Check("pods", "its rights", partial(check_stage_rights, cluster, rights)))
    return checks


def check_stage_account(cluster: Cluster, made_by: str) -> Iterator[CheckResult]:
    """Whether the account is there, and the secrets by which it pulls images."""
    name, namespace = cluster.service_account, cluster.namespace
    found = cluster.api.get(f"{cluster.path}/serviceaccounts/{name}")
    if found is None:
        yield failed("service account", f"there is no service account {name} in {namespace}", made_by)
        return
    yield passed("service account", f"{name} is there")
    for reference in found.get("imagePullSecrets") or []:
        if cluster.api.get(f"{cluster.path}/secrets/{reference['name']}") is None:
            yield failed(
                "pull secret",
                f"{name} pulls images with the secret {reference['name']}, which is not there",
                f"Create it: kubectl create secret docker-registry {reference['name']} -n {namespace} …",
            )


def check_stage_rights(cluster: Cluster, rights: Sequence[Right]) -> Iterator[CheckResult]:
    """Whether the account has rights; asking about others than oneself is a right too."""
    namespace, check = cluster.namespace, "its rights"
    account = {
        "user": f"system:serviceaccount:{namespace}:{cluster.service_account}",
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
    }
    asked = [each for right in rights for each in right.asked(namespace)]
    missing = [
        words
        for words, attributes in asked
        if not _review(cluster, "LocalSubjectAccessReview", {**account, "resourceAttributes": attributes})
    ]
    if missing:
        yield failed(
            check,
            f"{cluster.service_account} may not {listed(missing)}, by which Argo's executor reports",
            "Apply overlays/argo/stage-account.yaml of the manifests, or bind such a Role to it.",
        )
    else:
        yield passed(check, f"{cluster.service_account} may {listed([words for words, _ in asked])}")


def _review(cluster: Cluster, kind: str, spec: Json) -> bool:
    """The server's answer: whether it is allowed.

    Raises:
        Refused, Unreachable: no answer.
    """
    body = {"apiVersion": f"{REVIEWS}/v1", "kind": kind, "metadata": {}, "spec": spec}
    path = f"/apis/{REVIEWS}/v1"
    if kind.startswith("Local"):
        body["metadata"] = {"namespace": cluster.namespace}
        path = cluster.path_in(REVIEWS)
    status = cluster.api.review(f"{path}/{kind.lower()}s", body).get("status") or {}
    return bool(status.get("allowed"))
