"""What a compiled package will do on a cluster, read out of the package itself: its pods, and how many.

The platform resolves inputs and conditions in pods of its own, the drivers: one for the whole pipeline, one for each
pipeline inside it, condition and loop, one for each item of a loop, and one for each task. The driver of a condition
runs also where the condition does not hold, and that of a task also where the task's results are remembered.

Source: kubeflow/pipelines 2.17, backend/src/v2/compiler/argocompiler. Counts of real runs are in the tests.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import yaml

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.runtime.stage_deadline import VARIABLE as STAGE_SECONDS


@dataclass(frozen=True)
class Start:
    """Pods that a run starts alike: a stage, or a driver; one for each item of the lists `each`."""

    path: str
    stage: bool
    each: tuple[str, ...] = ()


@dataclass(frozen=True)
class Count:
    """Pods of a run."""

    stages: int
    drivers: int

    @property
    def pods(self) -> int:
        """All of them."""
        return self.stages + self.drivers


@dataclass(frozen=True)
class Run:
    """What a run starts where one condition holds, or none.

    Attributes:
        condition: the group that has it, such as `train`; empty where none holds.
        starts: what it starts.
        levels: how many pods start one after another on its longest way. Argo looks at a run once in ten seconds, and
            each level begins at such a look.
    """

    condition: str
    starts: tuple[Start, ...]
    levels: int

    @property
    def lists(self) -> tuple[str, ...]:
        """The lists that the number of pods depends on, by name."""
        return tuple(sorted({name for start in self.starts for name in start.each}))

    def count(self, items: Mapping[str, int] | None = None, remembered: Collection[str] = ()) -> Count:
        """The pods of such a run.

        Args:
            items: how long the lists are; 1 where nothing is said.
            remembered: paths of stages whose results the platform has from an earlier run.
        """
        numbers = items or {}

        def pods(stage: bool) -> int:
            wanted = (start for start in self.starts if start.stage == stage and start.path not in remembered)
            return sum(prod(numbers.get(name, 1) for name in start.each) for start in wanted)

        return Count(pods(stage=True), pods(stage=False))


def runs_of(spec: Any) -> list[Run]:
    """The runs that a pipeline's intermediate representation may become: no condition holds, or one of them does."""
    names = ["", *dict.fromkeys(_conditions(spec, spec["root"]["dag"]))]
    root = spec["root"]["dag"]
    return [
        Run(name, (Start("", stage=False), *_starts(spec, root, (), (), name)), 1 + _levels(spec, root, name))
        for name in names
    ]


def _levels(spec: Any, graph: Any, holds: str) -> int:
    """Pods one after another within a group: of each task its driver, and then itself or what is inside it."""
    tasks, ends = graph["tasks"], dict[str, int]()

    def end(key: str) -> int:
        if key not in ends:
            ends[key] = max(map(end, _awaited(tasks[key])), default=0) + own(tasks[key])
        return ends[key]

    def own(task: Any) -> int:
        component = _component(spec, task)
        if "dag" not in component:
            return 2
        if _is_conditional(task) and task["taskInfo"]["name"] != holds:
            return 1
        return (2 if "parameterIterator" in task else 1) + _levels(spec, component["dag"], holds)

    return max(map(end, tasks))


def _awaited(task: Any) -> set[str]:
    """The tasks that one waits for: those that it is told to, and those whose outputs it is given."""
    inputs = [*task.get("inputs", {}).get("parameters", {}).values()]
    given = {each["taskOutputParameter"]["producerTask"] for each in inputs if "taskOutputParameter" in each}
    return given | set(task.get("dependentTasks", ()))


def _conditions(spec: Any, graph: Any) -> Iterator[str]:
    for task in graph["tasks"].values():
        if _is_conditional(task):
            yield task["taskInfo"]["name"]
        yield from _conditions(spec, _component(spec, task).get("dag", {"tasks": {}}))


def _starts(spec: Any, graph: Any, groups: tuple[str, ...], each: tuple[str, ...], holds: str) -> Iterator[Start]:
    for task in graph["tasks"].values():
        component, name = _component(spec, task), task["taskInfo"]["name"]
        path = " / ".join((*groups, name))
        yield Start(f"{path} (driver)", stage=False, each=each)
        if "dag" not in component:
            yield Start(path, stage=True, each=each)
        elif "parameterIterator" in task:
            inner = (*each, items_of(task))
            yield Start(f"{path} (driver of an item)", stage=False, each=inner)
            yield from _starts(spec, component["dag"], groups, inner, holds)
        elif not _is_conditional(task) or name == holds:
            yield from _starts(spec, component["dag"], (*groups, name), each, holds)


def items_of(task: Any) -> str:
    """The name of the list that a loop goes over."""
    return str(task["parameterIterator"]["items"]["inputParameter"].removeprefix("pipelinechannel--"))


def _is_conditional(task: Any) -> bool:
    return "condition" in task.get("triggerPolicy", {})


def _component(spec: Any, task: Any) -> Any:
    return spec["components"][task["componentRef"]["name"]]


@dataclass(frozen=True)
class Pod:
    """A task of the package that runs in pods of its own.

    Attributes:
        path: the task and the groups it lies in, outermost first, such as `train / embed tuned / embed`.
        each: the list whose every item it has a pod for, such as `shard_numbers`; empty where it has one pod.
        image: of its container.
        cpu, memory: request and limit, as in the package.
        accelerator: GPUs, such as `1 nvidia.com/gpu`; empty for none.
        retries: how often it is started again.
        timeout: seconds after which the stage ends itself; 0 for never.
        pod_timeout: seconds after which its pod is ended, which has the image to pull as well; 0 for never.
        cached: whether the platform may leave it out where the same inputs succeeded before.
    """

    path: str
    each: str
    image: str
    cpu: str
    memory: str
    accelerator: str
    retries: int
    timeout: int
    pod_timeout: int
    cached: bool


@dataclass(frozen=True)
class Explanation:
    """What a package is.

    Attributes:
        name: of the pipeline.
        size: of its intermediate representation, bytes.
        parameters: each with its default.
        pods: those of its stages.
        runs: what a run may become, and how many pods that is with what the platform starts besides.
    """

    name: str
    size: int
    parameters: dict[str, str]
    pods: list[Pod]
    runs: list[Run]


def explain(path: Path) -> Explanation:
    """Read a package.

    Raises:
        InputError: the file is no compiled pipeline.
    """
    try:
        documents = [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]
        spec, platform = documents[0], documents[1] if len(documents) > 1 else {}
        kubernetes = platform.get("platforms", {}).get("kubernetes", {}).get("deploymentSpec", {}).get("executors", {})
        inputs = spec["root"].get("inputDefinitions", {}).get("parameters", {})
        return Explanation(
            name=spec["pipelineInfo"]["name"],
            size=path.stat().st_size,
            parameters={name: _default(definition) for name, definition in inputs.items()},
            pods=list(_pods(spec, kubernetes, spec["root"]["dag"], [], "")),
            runs=runs_of(spec),
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is no compiled pipeline. Write one with `labelcycle compile --output DIR`."
        ) from error


def _pods(spec: Any, kubernetes: Any, graph: Any, groups: list[str], each: str) -> Iterator[Pod]:
    """The pods of a graph, each after those that it waits for."""
    for task in _in_order(graph["tasks"]):
        component = spec["components"][task["componentRef"]["name"]]
        name = task["taskInfo"]["name"]
        if "parameterIterator" in task:
            yield from _pods(spec, kubernetes, component["dag"], groups, items_of(task))
            continue
        if "dag" in component:
            yield from _pods(spec, kubernetes, component["dag"], [*groups, name], each)
            continue
        executor = component["executorLabel"]
        container = spec["deploymentSpec"]["executors"][executor]["container"]
        resources = container.get("resources", {})
        accelerator = resources.get("accelerator", {})
        variables = {variable["name"]: variable["value"] for variable in container.get("env", [])}
        yield Pod(
            path=" / ".join([*groups, name]),
            each=each,
            image=container["image"],
            cpu=_range(resources, "resourceCpuRequest", "resourceCpuLimit"),
            memory=_range(resources, "resourceMemoryRequest", "resourceMemoryLimit"),
            accelerator=f"{accelerator['resourceCount']} {accelerator['resourceType']}" if accelerator else "",
            retries=int(task.get("retryPolicy", {}).get("maxRetryCount", 0)),
            timeout=int(variables.get(STAGE_SECONDS, 0)),
            pod_timeout=int(kubernetes.get(executor, {}).get("activeDeadlineSeconds", 0)),
            cached=bool(task.get("cachingOptions", {}).get("enableCache", False)),
        )


def _in_order(tasks: dict[str, Any]) -> list[Any]:
    """Tasks sorted so that each follows those that it waits for."""
    from graphlib import TopologicalSorter

    waits = {name: set(task.get("dependentTasks", [])) for name, task in sorted(tasks.items())}
    return [tasks[name] for name in TopologicalSorter(waits).static_order()]


def _range(resources: dict[str, str], request: str, limit: str) -> str:
    return f"{resources[request]} to {resources[limit]}" if request in resources else ""


def _default(definition: dict[str, Any]) -> str:
    if "defaultValue" not in definition:
        return "required"
    value = definition["defaultValue"]
    return str(int(value)) if definition["parameterType"] == "NUMBER_INTEGER" else repr(value)
