"""Whether the nodes have what the profile asks for: processors, memory, GPUs, labels, and taints that it tolerates.

What other pods use of a node is not counted: a pod waits until there is room.
"""

import functools
from collections.abc import Iterator
from decimal import Decimal

from kubernetes.utils.quantity import parse_quantity

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.pipelines.cluster import CUDA_SUFFIX
from labelcycle.pipelines.doctor.check_result import Check, CheckResult, failed, listed, passed, warned
from labelcycle.pipelines.doctor.kubernetes_api import Json
from labelcycle.pipelines.doctor.namespace import Cluster
from labelcycle.pipelines.doctor.stage_image import check_image, images_on
from labelcycle.pipelines.graph import CYCLE
from labelcycle.pipelines.profiles.profile import Placement, Toleration

BESIDES = {"cpu": Decimal("0.05"), "memory": Decimal(64 * 1024**2)}
"""What the engine's own container in a stage's pod asks for, as container-defaults.yaml gives it on Argo."""

OTHER_PROFILE = "Choose another profile, or write one of your own, and name it with --profile."


class NodeExamination:
    """Looks at the nodes of a cluster, which are listed once."""

    def __init__(self, cluster: Cluster, renew: str) -> None:
        """Look for the pods of a profile.

        Args:
            cluster: where they are to run.
            renew: what changes the image that stages run in, for the remedy.
        """
        self._cluster, self._renew = cluster, renew
        self._placements = {stage.name: cluster.profile.stages[stage.name] for stage in CYCLE.stages}
        self._listed = False

    def checks(self) -> list[Check]:
        """What to look at."""
        return [
            Check("pods", "image", self.images),
            Check("nodes", "nodes", self.nodes_are_ready),
            Check("nodes", "room", self.stages_fit),
            Check("nodes", "gpus", self.gpus_suffice),
        ]

    @functools.cached_property
    def _nodes(self) -> list[Json]:
        return self._cluster.api.items("/api/v1/nodes")

    @functools.cached_property
    def _usable(self) -> list[Json]:
        return [node for node in self._nodes if _is_ready(node)]

    def images(self) -> Iterator[CheckResult]:
        """The images of the stages."""
        if not self._cluster.image:
            yield warned("image", "no image was named", f"Name it with --image. {self._renew}")
            return
        try:
            there: set[str] | None = images_on(self._nodes)
        except LabelcycleError:  # the nodes have a line of their own
            there = None
        suffixes = {CUDA_SUFFIX if placement.accelerator else "" for placement in self._placements.values()}
        for suffix in sorted(suffixes):
            yield from check_image(self._cluster.image + suffix, there, self._renew)

    def nodes_are_ready(self) -> Iterator[CheckResult]:
        """Whether any node takes pods."""
        names = [str(node["metadata"]["name"]) for node in self._nodes if not _is_ready(node)]
        self._listed = True
        seen = f"{len(self._usable)} of {len(self._nodes)} take pods"
        if not self._usable:
            yield failed("nodes", seen, "kubectl describe nodes says why.", may_pass=True)
        else:
            yield passed("nodes", seen + (f"; not {listed(names)}" if names else ""))

    def stages_fit(self) -> Iterator[CheckResult]:
        """Whether each stage's pod fits a node."""
        if not self._listed or not self._usable:
            return
        homeless: dict[str, list[str]] = {}
        for stage, placement in self._placements.items():
            why = [_obstacle(node, placement) for node in self._usable]
            if all(why):
                homeless.setdefault(f"({_asked(placement)}): {listed(sorted(set(why)), 3)}", []).append(stage)
        for reason, stages in homeless.items():
            yield self._homeless(f"no node takes pods of {listed(stages)} {reason}")
        if not homeless:
            largest = max(self._placements.values(), key=lambda placement: parse_quantity(placement.memory))
            name = self._cluster.profile.name
            yield passed("room", f"each stage of profile {name} fits a node; the largest asks for {_asked(largest)}")

    def _homeless(self, seen: str) -> CheckResult:
        """A stage that fits no node; where nodes are made as they are needed one may still come."""
        maker = self._maker_of_nodes()
        if maker:
            remedy = f"See that {maker} may make such a node. {OTHER_PROFILE}"
            return warned("room", seen, remedy)
        return failed("room", seen, f"Such pods stay pending. {OTHER_PROFILE}")

    def _maker_of_nodes(self) -> str:
        """What adds nodes on demand, as far as it shows."""
        api = self._cluster.api
        places = {
            "Karpenter": "/apis/karpenter.sh",
            "the cluster autoscaler": "/api/v1/namespaces/kube-system/configmaps/cluster-autoscaler-status",
        }
        for maker, path in places.items():
            try:
                if api.get(path) is not None:
                    return maker
            except LabelcycleError:
                continue
        return ""

    def gpus_suffice(self) -> Iterator[CheckResult]:
        """Whether there are as many GPUs as pods that run at a time want; nothing where the profile asks for none."""
        for stage, placement in self._placements.items():
            if placement.accelerator is None or not self._listed:
                continue
            resource, count = placement.accelerator.resource, placement.accelerator.count
            there = sum((_has(node, resource) for node in self._usable), Decimal(0))
            sharded = next(each for each in CYCLE.stages if each.name == stage).sharded
            pods = min(self._cluster.profile.shards, self._cluster.profile.shards_at_once) if sharded else 1
            shared = f", with {placement.shared_memory} of /dev/shm" if placement.shared_memory else ""
            seen = f"{stage} wants {count} of {resource} in each of {pods} pods{shared}; nodes have {there}"
            if there >= count * pods or not there:  # none at all is told by the room
                if there:
                    yield passed("gpus", seen)
            else:
                remedy = "The others wait for the first ones. Take fewer shards, or bring more GPUs."
                yield warned("gpus", seen, remedy)


def _is_ready(node: Json) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    return ready and not (node.get("spec") or {}).get("unschedulable")


def _has(node: Json, resource: str) -> Decimal:
    value = ((node.get("status") or {}).get("allocatable") or {}).get(resource, "0")
    return Decimal(parse_quantity(value))


def _asked(placement: Placement) -> str:
    accelerator = placement.accelerator
    gpus = f", {accelerator.count} of {accelerator.resource}" if accelerator is not None else ""
    labels = "".join(f", {name}={value}" for name, value in placement.node_selector.items())
    return f"{placement.cpu} CPU, {placement.memory}{gpus}{labels}"


def _obstacle(node: Json, placement: Placement) -> str:
    """Why a node does not take a pod, in words; empty where it does."""
    labels = (node.get("metadata") or {}).get("labels") or {}
    for name, value in placement.node_selector.items():
        if labels.get(name) != value:
            return f"no node has {name}={value}" if name not in labels else f"{name} is {labels[name]}"
    for taint in (node.get("spec") or {}).get("taints") or []:
        if taint.get("effect") != "PreferNoSchedule" and not any(
            _tolerates(each, taint) for each in placement.tolerations
        ):
            return f"a taint {taint.get('key')} that the profile does not tolerate"
    for resource, wanted in (("cpu", placement.cpu), ("memory", placement.memory)):
        if _has(node, resource) < Decimal(parse_quantity(wanted)) + BESIDES[resource]:
            return f"a node has {node['status']['allocatable'].get(resource, 0)} of {resource}"
    accelerator = placement.accelerator
    if accelerator is not None and _has(node, accelerator.resource) < accelerator.count:
        return f"a node has {_has(node, accelerator.resource)} of {accelerator.resource}"
    return ""


def _tolerates(toleration: Toleration, taint: Json) -> bool:
    if toleration.effect is not None and toleration.effect != taint.get("effect"):
        return False
    if toleration.key != taint.get("key"):
        return False
    return toleration.operator == "Exists" or toleration.value == (taint.get("value") or "")
