"""The table of the cycle, and that every engine is made of it: a task that is added to it is in all of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler

from labelcycle.pipelines.argo.cycle_workflow import cycle_template
from labelcycle.pipelines.argo.rendering import Rendering
from labelcycle.pipelines.cycle import cycle_pipeline
from labelcycle.pipelines.graph import CYCLE, DECISIONS, STAGES, Decision, Graph, Task
from labelcycle.pipelines.kubeflow.placement import place_by
from labelcycle.pipelines.profiles.profile import read_profile
from tests.conftest import COLD_START, TRAINING

CAPTIONS = Task("embed texts", "embed", after=("embed base",), settings={"target": "texts"})
"""A task more: between `embed base` and what follows it."""


def with_captions() -> Graph:
    tasks = {task.name: task for task in CYCLE.tasks}
    tasks["train_adapter"] = replace(tasks["train_adapter"], after=("embed texts",))
    first, *others = tasks.values()
    return Graph((first, CAPTIONS, *others))


def names(graph: Graph, decision: Decision, *without: str) -> dict[str, tuple[str, ...]]:
    return {task.name: task.after for task in graph.branch(decision, without)}


def test_branches() -> None:
    assert tuple(names(CYCLE, "train")) == TRAINING
    assert names(CYCLE, "cold_start") == {"embed base": (), "select": ("embed base",), "publish": ("select",)}
    assert tuple(names(CYCLE, "cold_start")) == COLD_START


def test_what_follows_a_task_that_is_left_out_waits_for_what_that_one_would_have_waited_for() -> None:
    kept = names(CYCLE, "train", "embed tuned")
    assert kept["evaluate"] == kept["score"] == ("train_adapter",)
    assert names(CYCLE, "train", "score", "embed tuned")["publish"] == ("evaluate", "select")
    assert CYCLE.needless(True) == {"embed tuned"} and CYCLE.needless(False) == frozenset()


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Task("select", "select"), "two tasks are called 'select'"),
        (Task("again", "select", after=("publish", "later")), "'again' waits for 'later'"),
        (Task("arm", "backtest_arm"), "is no stage that works on an attempt"),
        (Task("new", "cluster"), "is no stage that works on an attempt"),
        (Task("new", "embed"), "'new' has other settings than 'embed' takes"),
        (Task("new", "score", settings={"target": "base"}), "'new' has other settings than 'score' takes"),
    ],
)
def test_what_cannot_be_is_refused(task: Task, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Graph((*CYCLE.tasks, task))


Waits = dict[str, set[str]]


def kubeflow_waits(graph: Graph, folder: Path) -> dict[str, Waits]:
    """What each task of a branch waits for, as compiled for Kubeflow."""
    path = folder / "cycle.yaml"
    compiler.Compiler().compile(cycle_pipeline(place_by(read_profile("small"), "python:1"), graph=graph), str(path))
    spec: Any = next(yaml.safe_load_all(path.read_text()))
    found = {}
    for branch in spec["root"]["dag"]["tasks"].values():
        if "condition" in branch.get("triggerPolicy", {}):
            tasks = spec["components"][branch["componentRef"]["name"]]["dag"]["tasks"]
            called = {key: task["taskInfo"]["name"].replace(" ", "-").replace("_", "-") for key, task in tasks.items()}
            found[branch["taskInfo"]["name"]] = {
                called[key]: {called[other] for other in task.get("dependentTasks", [])} for key, task in tasks.items()
            }
    return found


def argo_waits(graph: Graph) -> dict[str, Waits]:
    rendered = cycle_template(Rendering(read_profile("small"), "python:1", graph=graph)).to_dict()
    return {
        template["name"]: {task["name"]: set(task.get("dependencies", [])) for task in template["dag"]["tasks"]}
        for template in rendered["spec"]["templates"]
        if "dag" in template
    }


@pytest.mark.parametrize("graph", [CYCLE, with_captions()], ids=["as it is", "with a task more"])
def test_engines_render_the_table(graph: Graph, tmp_path: Path) -> None:
    expected = {
        decision.replace("_", "-"): {
            task.name.replace(" ", "-").replace("_", "-"): {
                name.replace(" ", "-").replace("_", "-") for name in task.after
            }
            for task in graph.branch(decision)
        }
        for decision in DECISIONS
    }
    assert kubeflow_waits(graph, tmp_path) == argo_waits(graph) == expected


def test_a_task_more_is_told_what_the_table_says(tmp_path: Path) -> None:
    compiler.Compiler().compile(cycle_pipeline(graph=with_captions()), str(tmp_path / "cycle.yaml"))
    text = (tmp_path / "cycle.yaml").read_text()
    assert text.count("constant: texts") == len(DECISIONS)
    rendered = cycle_template(Rendering(read_profile("small"), "python:1", graph=with_captions())).to_dict()
    [train] = [template for template in rendered["spec"]["templates"] if template["name"] == "train"]
    [task] = [task for task in train["dag"]["tasks"] if task["name"] == "embed-texts"]
    assert (
        task["template"] == "embed-in-shards"
        and {"name": "target", "value": "texts"} in task["arguments"]["parameters"]
    )


def test_credentials_go_where_they_are_needed() -> None:
    have = {secret: {name for name, stage in STAGES.items() if secret in stage.secrets} for secret in SECRETS}
    assert have["storage"] == set(STAGES)
    assert have["tracking"] == {"publish", "backtest_report"}
    assert have["labelling"] == {"label_ingest", "publish"}
    assert have["notification"] == {"label_ingest", "publish", "notify"}


SECRETS = ("storage", "tracking", "labelling", "notification")
