"""The cycle pipeline: its components are thin, and what is compiled is a valid pipeline for one image."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from labelcycle.components.core.config.environment import IMAGE
from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.runtime.retries import BACKOFF_SECONDS, RETRIES
from labelcycle.pipelines.kubeflow.package import PipelineName, write_package
from labelcycle.pipelines.profiles.profile import read_profile

STAGES = ["label_ingest", "embed", "train_adapter", "evaluate", "score", "select", "publish"]
COMPONENTS = [*STAGES, "notify"]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("compiled") / "cycle.yaml"
    write_package("cycle", path, read_profile("small"), IMAGE)
    content: dict[str, Any] = next(yaml.safe_load_all(path.read_text()))
    return content


def component(stage: str) -> Any:
    return getattr(importlib.import_module(f"labelcycle.components.{stage}.component"), stage)


@pytest.mark.parametrize("stage", COMPONENTS)
def test_a_component_only_calls_its_stage(stage: str) -> None:
    source = inspect.getsource(component(stage).python_func)
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines = function.body[-1].end_lineno - function.body[0].lineno + 1  # type: ignore[operator]
    assert lines <= 15
    assert f"from labelcycle.components.{stage}.stage import run" in source
    assert not [node for node in ast.walk(function) if isinstance(node, ast.If | ast.Try | ast.While | ast.With)]


@pytest.mark.parametrize("stage", COMPONENTS)
def test_a_component_tries_its_stage_again_where_the_platform_does_not(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def run(**settings: Any) -> None:
        tries.append(settings)
        raise TransientError("S3 is away")

    run.__module__ = f"labelcycle.components.{stage}.stage"
    monkeypatch.setattr(importlib.import_module(run.__module__), "run", run)
    monkeypatch.setenv(RETRIES, "2")
    monkeypatch.setenv(BACKOFF_SECONDS, "0")
    function = component(stage).python_func
    artifact = SimpleNamespace(path="path", metadata={})
    given = {"cycle": 1, "shard": 0, "shards": 1, "finalize": False}
    given |= {"compiled_shards": 0, "features_stay": False}
    given |= {"metrics": artifact, "model": artifact, "query": artifact, "report": artifact}
    with pytest.raises(TransientError, match="S3 is away"):
        function(**{name: given.get(name, "text") for name in inspect.signature(function).parameters})
    assert len(tries) == 3


@pytest.mark.parametrize("stage", COMPONENTS)
def test_a_component_needs_the_image_and_installs_nothing(stage: str) -> None:
    container = component(stage).component_spec.implementation.container
    assert container.image == IMAGE and "python" in container.image
    assert "pip" not in " ".join([*container.command, *container.args])


@pytest.mark.parametrize("stage", COMPONENTS)
def test_a_component_says_what_it_does(stage: str) -> None:
    assert component(stage).description


def test_the_compiled_pipeline_is_valid(compiled: dict[str, Any]) -> None:
    spec = json_format.ParseDict(compiled, pipeline_spec_pb2.PipelineSpec(), ignore_unknown_fields=False)
    assert spec.pipeline_info.name == "labelcycle-cycle"


def test_every_container_is_the_one_image(compiled: dict[str, Any]) -> None:
    executors = compiled["deploymentSpec"]["executors"].values()
    assert {executor["container"]["image"] for executor in executors} == {IMAGE}


def tasks_of(compiled: dict[str, Any], *groups: str) -> dict[str, Any]:
    """The tasks of a group, by name; groups are those that it lies in, outermost first."""
    tasks: dict[str, Any] = compiled["root"]["dag"]["tasks"]
    for group in groups:
        tasks = compiled["components"][tasks[group]["componentRef"]["name"]]["dag"]["tasks"]
    return tasks


def waits_in(tasks: dict[str, Any]) -> dict[str, set[str]]:
    """What each task waits for, by their names for people."""
    short = {name: task["taskInfo"]["name"] for name, task in tasks.items()}
    return {short[name]: {short[other] for other in task.get("dependentTasks", [])} for name, task in tasks.items()}


def test_only_embed_is_cached(compiled: dict[str, Any]) -> None:
    """The others read from the campaign's root what no cache can see, or write what must be there."""
    cached = {
        task["taskInfo"]["name"]: task["cachingOptions"].get("enableCache", False)
        for graph in [compiled["root"], *compiled["components"].values()]
        for task in graph.get("dag", {}).get("tasks", {}).values()
        if "dag" not in compiled["components"][task["componentRef"]["name"]]
    }
    assert cached.keys() == {*STAGES, "embed base", "embed tuned"} - {"embed"}
    assert [name for name, hit in cached.items() if hit] == ["embed base", "embed tuned"]


def test_what_waits_for_what(compiled: dict[str, Any]) -> None:
    assert waits_in(tasks_of(compiled, "condition-2")) == {
        "embed base": set(),
        "train_adapter": {"embed base"},
        "embed tuned": {"train_adapter"},
        "evaluate": {"embed tuned"},
        "score": {"embed tuned"},
        "select": {"score"},
        "publish": {"evaluate", "select"},
    }


def test_cold_starts_need_no_model(compiled: dict[str, Any]) -> None:
    assert waits_in(tasks_of(compiled, "condition-1")) == {
        "embed base": set(),
        "select": {"embed base"},
        "publish": {"select"},
    }


def compile_cycle(folder: Path, name: PipelineName = "cycle", **how: Any) -> dict[str, Any]:
    path = folder / "made.yaml"
    write_package(name, path, read_profile("small"), IMAGE, **how)
    content: dict[str, Any] = next(yaml.safe_load_all(path.read_text()))
    return content


def test_where_features_stay_nothing_is_embedded_anew(tmp_path: Path) -> None:
    compiled = compile_cycle(tmp_path, features_stay=True)
    waits = waits_in(tasks_of(compiled, "condition-2"))
    assert "embed tuned" not in waits
    assert (waits["evaluate"], waits["score"]) == ({"train_adapter"}, {"train_adapter"})
    told = tasks_of(compiled)["label-ingest"]["inputs"]["parameters"]["features_stay"]
    assert told == {"runtimeValue": {"constant": True}}


def test_a_few_shards_lie_side_by_side(tmp_path: Path) -> None:
    compiled = compile_cycle(tmp_path, shards=2)
    waits = waits_in(tasks_of(compiled, "condition-2"))
    base = {"embed base 1 of 2", "embed base 2 of 2"}
    scored = {"score 1 of 2", "score 2 of 2"}
    assert waits["train_adapter"] == base and waits["select"] == scored
    parameters = {
        task["taskInfo"]["name"]: task["inputs"]["parameters"] for task in tasks_of(compiled, "condition-2").values()
    }
    for number, name in enumerate(sorted(scored)):
        assert parameters[name]["shard"] == {"runtimeValue": {"constant": float(number)}}
        assert parameters[name]["shards"] == {"runtimeValue": {"constant": 2.0}}
    assert parameters["select"]["shards"] == {"runtimeValue": {"constant": 2.0}}
    told = tasks_of(compiled)["label-ingest"]["inputs"]["parameters"]
    assert told["compiled_shards"] == {"runtimeValue": {"constant": 2.0}}


@pytest.mark.parametrize("group", ["labelcycle-embed-2", "labelcycle-embed-3", "labelcycle-score"])
@pytest.mark.parametrize(("name", "shards"), [("cycle_in_shards", 1), ("cycle", 5)])
def test_many_shards_and_any_number_are_a_loop(tmp_path: Path, group: str, name: PipelineName, shards: int) -> None:
    """The profile `small` runs four at a time, so that five side by side would be too many."""
    compiled = compile_cycle(tmp_path, name, shards=shards)
    (loop,) = tasks_of(compiled, "condition-2", group).values()
    assert loop["parameterIterator"]["items"] == {"inputParameter": "pipelinechannel--shard_numbers"}
    (task,) = tasks_of(compiled, "condition-2", group, "for-loop-1").values()
    given = task["inputs"]["parameters"]
    assert given["shard"] == {"componentInputParameter": "pipelinechannel--shard_numbers-loop-item"}
    assert given["shards"] == {"componentInputParameter": "pipelinechannel--shards"}
    chosen = tasks_of(compiled, "condition-2")["select-2"]["inputs"]["parameters"]
    assert chosen["shards"] == {"componentInputParameter": "pipelinechannel--shards"}
    told = tasks_of(compiled)["label-ingest"]["inputs"]["parameters"]["compiled_shards"]
    assert told == {"runtimeValue": {"constant": 0.0}}


def test_images_are_a_setting() -> None:
    show = "print(embed.component_spec.implementation.container.image)"
    script = f"from labelcycle.components.embed.component import embed; {show}"
    named = {**os.environ, "LABELCYCLE_IMAGE": "registry.example/python:7"}
    done = subprocess.run([sys.executable, "-c", script], env=named, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "registry.example/python:7"


def test_a_cycle_that_tells_of_failures_ends_with_that_whatever_happened(tmp_path: Path) -> None:
    write_package("cycle", tmp_path / "cycle.yaml", read_profile("small"), IMAGE, tells_of_failures=True)
    spec: dict[str, Any] = next(yaml.safe_load_all((tmp_path / "cycle.yaml").read_text()))
    tasks = tasks_of(spec)
    assert sorted(tasks) == ["exit-handler-1", "notify"]
    told = tasks["notify"]
    assert told["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert told["dependentTasks"] == ["exit-handler-1"] and told["cachingOptions"] == {}
    assert told["inputs"]["parameters"]["root"] == {"componentInputParameter": "root"}
    inside = tasks_of(spec, "exit-handler-1")
    assert "label-ingest" in inside and len(inside) == 3, "and the two branches"
