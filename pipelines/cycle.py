"""One cycle of active learning as a pipeline of Kubeflow, made of the tables in `pipelines.graph`.

Kubeflow starts two pods for each task and one more for each condition, loop and pipeline inside another, one after the
other. So the tasks of a few shards lie side by side, and only many, or a number that is not known, are a loop.
"""

import importlib
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from kfp import dsl

from labelcycle.pipelines.cluster import (
    LABELLING_SECRET,
    NOTIFICATION_SECRET,
    SETTINGS_MAP,
    STORAGE_SECRET,
    TRACKING_SECRET,
)
from labelcycle.pipelines.graph import CYCLE, DECISIONS, STAGES, Graph, Stage, Task
from labelcycle.pipelines.placing import PlacePod, unplaced

MOST_SIDE_BY_SIDE = 8
"""Shards that are tasks of their own; a loop adds four levels and as many pods, but what is compiled does not grow."""

Names = dict[str, Any]
"""Parameters by name: those of a stage, or those that name secrets and settings."""


def component_of(stage: str) -> Any:
    """The component of a stage: the function of its name in its folder's `component.py`."""
    return getattr(importlib.import_module(f"labelcycle.components.{stage}.component"), stage)


def cycle_pipeline(
    place: PlacePod = unplaced,
    shards: int = 1,
    shards_at_once: int = 2,
    any_shards: bool = False,
    features_stay: bool = False,
    tells_of_failures: bool = False,
    graph: Graph = CYCLE,
) -> Callable[..., Any]:
    """The pipeline of one cycle.

    Args:
        place: called with every task, to ask for what the task's pod needs.
        shards: parts that embed and score are split into.
        shards_at_once: how many of these parts run at a time where they are a loop; kfp.local never runs more than two.
        any_shards: whether a run may ask for another number of shards: these are a loop then.
        features_stay: leave out what only campaigns need whose backbone changes; a run on such a one is refused.
        tells_of_failures: end every run with the stage that tells people of one that failed.
        graph: what is run, in which order.
    """
    without = graph.needless(features_stay)
    side_by_side = 0 if any_shards or shards > min(MOST_SIDE_BY_SIDE, shards_at_once) else shards
    sharded = [stage for stage in graph.stages if stage.sharded and not side_by_side]
    loops = {stage.name: _loop(stage, place, shards_at_once) for stage in sharded}

    def cycle(
        root: str,
        labels_from: str = "",
        finalize: bool = False,
        shards: int = shards,
        storage_secret: str = STORAGE_SECRET,
        tracking_secret: str = TRACKING_SECRET,
        labelling_secret: str = LABELLING_SECRET,
        notification_secret: str = NOTIFICATION_SECRET,
        settings_map: str = SETTINGS_MAP,
    ) -> None:
        """Run one cycle of the campaign at `root`; nothing is written while labels are awaited or all is done.

        Args:
            root: the campaign's folder or S3 prefix.
            labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own.
            finalize: train the final model on every label so far, and end the campaign.
            shards: parts that embed and score are split into; the result is the same for any number.
            storage_secret: Kubernetes secret with the object store's credentials.
            tracking_secret: Kubernetes secret with the MLflow server's credentials.
            labelling_secret: Kubernetes secret with the labelling tool's token.
            notification_secret: Kubernetes secret with the addresses where people are told what happens.
            settings_map: Kubernetes ConfigMap with the addresses of the object store and of MLflow.
        """
        names = {
            "storage_secret": storage_secret,
            "settings_map": settings_map,
            "tracking_secret": tracking_secret,
            "labelling_secret": labelling_secret,
            "notification_secret": notification_secret,
        }
        with _told_of_failures(graph, root, place, names) if tells_of_failures else nullcontext():
            first = component_of(graph.first)(
                root=root,
                labels_from=labels_from,
                finalize=finalize,
                shards=shards,
                compiled_shards=side_by_side,
                features_stay=bool(without),
            )
            first.set_caching_options(False)
            place(first, graph.first, **names)
            work = {"root": root, "cycle": first.outputs["cycle"], "attempt": first.outputs["attempt"]}
            numbers = first.outputs["shard_numbers"]
            for decision in DECISIONS:
                with dsl.If(first.outputs[DECIDED] == decision, name=decision.replace("_", "-")):
                    done: dict[str, list[Any]] = {}
                    for task in graph.branch(decision, without):
                        given = {**work, **task.settings}
                        if task.runs.counts_shards:
                            given["shards"] = side_by_side or shards
                        if task.stage in loops:
                            loop = loops[task.stage](**given, **names, shard_numbers=numbers, shards=shards)
                            started = [loop.set_display_name(task.name)]
                        else:
                            parts = side_by_side if task.runs.sharded else 1
                            started = [_placed(task, given, place, names, part, parts) for part in range(parts)]
                        for one in started:
                            one.after(*(other for name in task.after for other in done[name]))
                        done[task.name] = started

    name = "labelcycle-cycle-in-shards" if any_shards else "labelcycle-cycle"
    said = "Ingest labels, train, evaluate, and choose what to label next."
    return dsl.pipeline(name=name, description=said)(cycle)  # type: ignore[no-any-return]


SECRETS_AND_SETTINGS = ("storage_secret", "settings_map", "tracking_secret", "labelling_secret", "notification_secret")
"""Parameters of the pipeline that name what pods get from the cluster."""


def _told_of_failures(graph: Graph, root: Any, place: PlacePod, names: Names) -> Any:
    """What is inside ends with the stage that tells of failures, whether it failed or not.

    That stage looks into the root: not every version of Kubeflow Pipelines tells an exit task how the run ended.
    """
    return dsl.ExitHandler(_started(STAGES[graph.on_failure], {"root": root}, place, names), name="all-stages")


DECIDED = "Output"
"""The output of label_ingest that conditions look at: of no other name can kfp.local find one that has siblings."""


def _placed(task: Task, given: Names, place: PlacePod, names: Names, part: int, parts: int) -> Any:
    """A task of the pipeline that is just being made; one of several shards is told which it is."""
    title = task.name
    if parts > 1:
        given, title = {**given, "shard": part, "shards": parts}, f"{title} {part + 1} of {parts}"
    started = _started(task.runs, given, place, names)
    return started if place is unplaced else started.set_display_name(title)  # kfp.local warns of names


def _started(stage: Stage, given: Names, place: PlacePod, names: Names) -> Any:
    started = component_of(stage.name)(**given)
    if not stage.cached:
        started.set_caching_options(False)
    place(started, stage.name, **names)
    return started


def _loop(stage: Stage, place: PlacePod, at_once: int) -> Callable[..., Any]:
    """A pipeline of its own for a stage's shards, because nothing outside a loop can wait for a task inside it."""
    takes = inspect.signature(component_of(stage.name).python_func).parameters
    work = {name: takes[name].annotation for name in ("root", *stage.takes, "shards")}
    names = dict.fromkeys(SECRETS_AND_SETTINGS, str)
    kinds = {**work, **names, "shard_numbers": list[int]}

    def in_shards(*values: Any) -> None:
        given = dict(zip(kinds, values, strict=True))
        with dsl.ParallelFor(given["shard_numbers"], name="shards", parallelism=at_once) as shard:
            own = {name: given[name] for name in work}
            _started(stage, {**own, "shard": shard}, place, {name: given[name] for name in names})

    in_shards.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind)
            for name, kind in kinds.items()
        ]
    )
    name = f"labelcycle-{stage.name}".replace("_", "-")
    return dsl.pipeline(name=name, description=f"{stage.name} in shards.")(in_shards)  # type: ignore[no-any-return]


cycle = cycle_pipeline()
"""The pipeline as kfp.local runs it: with nothing asked of a cluster."""
