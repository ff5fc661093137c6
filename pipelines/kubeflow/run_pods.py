"""How many pods a run of a compiled package is, those among them that Kubeflow Pipelines starts besides the stages.

The platform resolves inputs and conditions in pods of its own, the drivers: one for the whole pipeline, one for each
pipeline inside it, condition and loop, one for each item of a loop, and one for each task. The driver of a condition
runs also where the condition does not hold, and that of a task also where the task's results are remembered.

Source: kubeflow/pipelines 2.17, backend/src/v2/compiler/argocompiler. Counts of real runs are in the tests.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any


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
    """

    condition: str
    starts: tuple[Start, ...]

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
    return [Run(name, (Start("", stage=False), *_starts(spec, spec["root"]["dag"], (), (), name))) for name in names]


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
