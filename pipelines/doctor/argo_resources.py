"""Argo Workflows and Argo Events: their kinds, and the workflows of labelcycle as the cluster has them."""

from collections.abc import Iterator, Sequence
from typing import Any

from labelcycle.components.core.config.environment import IMAGE
from labelcycle.pipelines.argo.campaign_workflow import campaign_template
from labelcycle.pipelines.argo.cycle_workflow import cycle_template
from labelcycle.pipelines.argo.on_labels import ON_LABELS
from labelcycle.pipelines.argo.rendering import CAMPAIGN, CYCLE, EXAMPLE_ROOT, Rendering
from labelcycle.pipelines.cluster import CUDA_SUFFIX
from labelcycle.pipelines.doctor.check_result import Check, CheckResult, failed, listed, passed, warned
from labelcycle.pipelines.doctor.controller import check_controller
from labelcycle.pipelines.doctor.kubernetes_api import Json, KubernetesApi
from labelcycle.pipelines.doctor.namespace import Cluster
from labelcycle.pipelines.doctor.rights import INSTALLATION, check_rights
from labelcycle.pipelines.graph import CYCLE as CYCLE_GRAPH
from labelcycle.pipelines.graph import slug
from labelcycle.pipelines.profiles.profile import Profile, all_profiles

GROUP, VERSION = "argoproj.io", "v1alpha1"
KINDS = ("workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults")
EVENT_KINDS = ("eventbus", "eventsources", "sensors")
APPLY = "labelcycle argo --output manifests …, then kubectl apply -k manifests/overlays/argo"


class ArgoExamination:
    """Looks at what is installed in the cluster and in the namespace."""

    def __init__(self, cluster: Cluster, image: str, on_labels: bool) -> None:
        """Look for the workflows of a profile.

        Args:
            cluster: where they are.
            image: that workflows should have; empty for the one that they do have.
            on_labels: whether calls start cycles, even if nothing of that is installed yet.
        """
        self._cluster, self._image, self._on_labels = cluster, image, on_labels

    def checks(self) -> list[Check]:
        """What to look at."""
        return [
            Check("argo", "kinds", self.kinds),
            Check("argo", "controller", lambda: check_controller(self._cluster)),
            Check("argo", "workflow templates", self.templates),
            Check("argo", "schedule", self.schedule),
            Check("argo", "start on labels", self.events),
        ]

    def kinds(self) -> Iterator[CheckResult]:
        """Whether the API server knows Argo's kinds."""
        yield check_kinds(self._cluster.api, KINDS, "Argo Workflows 3.6", "kinds")

    def templates(self) -> Iterator[CheckResult]:
        """Whether the workflow templates are there and are those that this version writes."""
        there = {name: self._get("workflowtemplates", name) for name in (CYCLE, CAMPAIGN)}
        missing = [name for name, found in there.items() if found is None]
        if missing:
            seen = f"there is no workflow template {listed(missing)} in {self._cluster.namespace}"
            yield failed("workflow templates", seen, f"{APPLY}.")
            yield from check_rights(self._cluster, INSTALLATION)
            return
        found = {name: template for name, template in there.items() if template is not None}
        yield from self._compared(found)
        default = root_of(found[CYCLE])
        if self._cluster.root and default.rstrip("/") != self._cluster.root.rstrip("/"):
            remedy = f"Submit with -p root={self._cluster.root}, or write them anew with --root."
            yield warned("default root", f"workflows are for {default} unless a submission says another", remedy)

    def _compared(self, found: dict[str, Json]) -> Iterator[CheckResult]:
        different = self._differences(self._cluster.profile, found)
        if not different:
            seen = f"{listed(list(found))} are those of this version with profile {self._cluster.profile.name}"
            yield passed("workflow templates", seen)
            return
        same = [profile.name for profile in all_profiles() if not self._differences(profile, found)]
        if same:
            yield warned(
                "workflow templates",
                f"they were written with --profile {same[0]}, and this looks for {self._cluster.profile.name}",
                f"labelcycle doctor … --profile {same[0]}, or write and apply them anew.",
            )
            return
        yield warned(
            "workflow templates",
            f"they differ from those of this version at {listed(different, 3)}",
            f"{APPLY}; unless these are patches of yours.",
        )
        yield from check_rights(self._cluster, INSTALLATION)

    def _differences(self, profile: Profile, found: dict[str, Json]) -> list[str]:
        rendering = Rendering(
            profile=profile,
            image=self._image or image_of(found[CYCLE], profile) or IMAGE,
            root=root_of(found[CYCLE]),
            namespace=self._cluster.namespace,
        )
        wanted = {CYCLE: cycle_template(rendering), CAMPAIGN: campaign_template(rendering)}
        return [
            place
            for name, template in wanted.items()
            for place in differences(template.to_dict()["spec"], found[name].get("spec"), name)
        ]

    def schedule(self) -> Iterator[CheckResult]:
        """The cron workflow, which may be suspended."""
        found = self._get("cronworkflows", CYCLE)
        if found is None:
            yield warned("schedule", f"there is no cron workflow {CYCLE}", f"{APPLY}; or submit cycles by hand.")
            return
        wrong = [
            str(each.get("message"))
            for each in (found.get("status") or {}).get("conditions") or []
            if str(each.get("type", "")).endswith("Error") and each.get("status") == "True"
        ]
        if wrong:
            remedy = f"argo cron suspend {CYCLE} and argo cron resume {CYCLE} let Argo look again."
            yield warned("schedule", f"Argo refuses it: {listed(wrong, 1)}", remedy)
            return
        spec = found.get("spec") or {}
        times = listed([str(each) for each in spec.get("schedules") or [spec.get("schedule")]])
        how = "waits for argo cron resume" if spec.get("suspend") else "is active"
        yield passed("schedule", f"{times}, {how}")

    def events(self) -> Iterator[CheckResult]:
        """What starts a cycle when labels arrive; looked at where it is installed or asked about."""
        if not self._on_labels and not self._has_sensor():
            return
        kinds = check_kinds(self._cluster.api, EVENT_KINDS, "Argo Events 1.9", "kinds of Argo Events")
        yield kinds
        if kinds.status == "fail":
            return
        wanted = {"eventbus": "default", "eventsources": ON_LABELS, "sensors": ON_LABELS}
        for kind, name in wanted.items():
            yield self._event_object(kind, name)
        secret = self._cluster.api.get(f"{self._cluster.path}/secrets/{ON_LABELS}")
        if secret is None or not (secret.get("data") or {}).get("token"):
            yield failed(
                "token of callers",
                f"there is no secret {ON_LABELS} with a token in {self._cluster.namespace}",
                f"kubectl create secret generic {ON_LABELS} -n {self._cluster.namespace} --from-literal=token=…",
            )
        else:
            yield passed("token of callers", f"{ON_LABELS} has token")

    def _has_sensor(self) -> bool:
        served = served_kinds(self._cluster.api)
        return served is not None and "sensors" in served and self._get("sensors", ON_LABELS) is not None

    def _event_object(self, kind: str, name: str) -> CheckResult:
        found = self._get(kind, name)
        if found is None:
            remedy = "kubectl apply -k manifests/overlays/argo-events"
            return failed(kind, f"there is no {name} in {self._cluster.namespace}", remedy)
        conditions = (found.get("status") or {}).get("conditions") or []
        wrong = [str(each.get("message") or each.get("type")) for each in conditions if each.get("status") == "False"]
        if wrong:
            return warned(kind, f"{name} is not ready: {listed(wrong, 1)}", f"kubectl describe {kind} {name}")
        return passed(kind, f"{name} is there")

    def _get(self, kind: str, name: str) -> Json | None:
        return self._cluster.api.get(f"{self._cluster.path_in(GROUP, VERSION)}/{kind}/{name}")


def served_kinds(api: KubernetesApi) -> set[str] | None:
    """The kinds of Argo's group that the API server knows, by their plural; None where it does not know the group."""
    found = api.get(f"/apis/{GROUP}/{VERSION}")
    return None if found is None else {str(each["name"]) for each in found.get("resources") or []}


def check_kinds(api: KubernetesApi, wanted: Sequence[str], brings: str, check: str) -> CheckResult:
    """Whether the API server knows some of Argo's kinds."""
    served = served_kinds(api)
    missing = [kind for kind in wanted if served is None or kind not in served]
    if missing:
        seen = f"the API server does not know {listed(missing)} of {GROUP}/{VERSION}"
        return failed(check, seen, f"Have {brings} or later installed.")
    return passed(check, f"{listed(list(wanted))} of {GROUP}/{VERSION}")


def root_of(template: Json) -> str:
    """The campaign that workflows of a template are for, unless a submission says another."""
    parameters = ((template.get("spec") or {}).get("arguments") or {}).get("parameters") or []
    value = next((str(each.get("value") or "") for each in parameters if each.get("name") == "root"), "")
    return value if value.startswith("s3://") else EXAMPLE_ROOT


def image_of(template: Json, profile: Profile) -> str:
    """The image that a template was written with, by its first stage; empty where it has none."""
    first = CYCLE_GRAPH.first
    for each in (template.get("spec") or {}).get("templates") or []:
        if each.get("name") == slug(first):
            image = str((each.get("container") or {}).get("image") or "")
            return image.removesuffix(CUDA_SUFFIX) if profile.stages[first].accelerator is not None else image
    return ""


def differences(wanted: Any, found: Any, place: str) -> Iterator[str]:
    """Where an object of the cluster is not as it was written. What the API server adds to objects does not count.

    Only places are told, because values may be secrets of somebody's patch.
    """
    if isinstance(wanted, dict):
        inside = found if isinstance(found, dict) else {}
        for key, value in wanted.items():
            if key in inside or value not in (None, {}, []):
                yield from differences(value, inside.get(key), f"{place}.{key}")
    elif isinstance(wanted, list):
        yield from _differences_of_lists(wanted, found if isinstance(found, list) else [], place)
    elif str(wanted) != str(found):
        yield place


def _differences_of_lists(wanted: list[Any], found: list[Any], place: str) -> Iterator[str]:
    """Items that have names are matched by them, all others by their order."""
    if all(isinstance(each, dict) and "name" in each for each in (*wanted, *found)):
        there = {each["name"]: each for each in found}
        for each in wanted:
            if each["name"] in there:
                yield from differences(each, there.pop(each["name"]), f"{place}[{each['name']}]")
            else:
                yield f"{place}[{each['name']}]"
        yield from (f"{place}[{name}]" for name in there)
        return
    if len(wanted) != len(found):
        yield place
        return
    for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
        yield from differences(one, other, f"{place}[{number}]")
