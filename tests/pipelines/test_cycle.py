"""The cycle pipeline: its components are thin, and what is compiled is a valid pipeline for one image."""

import ast
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler
from kfp.pipeline_spec import pipeline_spec_pb2

from labelcycle.components.core.kfp import IMAGE
from labelcycle.pipelines.cycle import cycle

STAGES = ["label_ingest", "embed", "train_adapter", "evaluate", "score", "select", "publish"]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("compiled") / "cycle.yaml"
    compiler.Compiler().compile(cycle, str(path))
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def component(stage: str) -> Any:
    return getattr(importlib.import_module(f"labelcycle.components.{stage}.component"), stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_component_only_calls_its_stage(stage: str) -> None:
    source = inspect.getsource(component(stage).python_func)
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines = function.body[-1].end_lineno - function.body[0].lineno + 1  # type: ignore[operator]
    assert lines <= 15
    assert f"from labelcycle.components.{stage}.stage import run" in source
    assert not [node for node in ast.walk(function) if isinstance(node, ast.If | ast.Try | ast.While | ast.With)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_component_needs_the_image_and_installs_nothing(stage: str) -> None:
    container = component(stage).component_spec.implementation.container
    assert container.image == IMAGE and "python" in container.image
    assert "pip" not in " ".join([*container.command, *container.args])


@pytest.mark.parametrize("stage", STAGES)
def test_a_component_says_what_it_does(stage: str) -> None:
    assert component(stage).description


def test_the_compiled_pipeline_is_valid(compiled: dict[str, Any]) -> None:
    spec = json_format.ParseDict(compiled, pipeline_spec_pb2.PipelineSpec(), ignore_unknown_fields=False)
    assert spec.pipeline_info.name == "labelcycle-cycle"
    assert len(spec.deployment_spec["executors"].items()) == 1 + 3 + 7


def test_every_container_is_the_one_image(compiled: dict[str, Any]) -> None:
    executors = compiled["deploymentSpec"]["executors"].values()
    assert {executor["container"]["image"] for executor in executors} == {IMAGE}


def test_no_stage_is_cached(compiled: dict[str, Any]) -> None:
    """The cache does not see the campaign's root: a root that was emptied would stay empty."""
    graphs = [compiled["root"], *compiled["components"].values()]
    stages = [
        task
        for graph in graphs
        for task in graph.get("dag", {}).get("tasks", {}).values()
        if "dag" not in compiled["components"][task["componentRef"]["name"]]
    ]
    assert len(stages) == 1 + 3 + 7
    assert not any(task["cachingOptions"].get("enableCache", False) for task in stages)


def test_what_waits_for_what(compiled: dict[str, Any]) -> None:
    graphs = [part["dag"]["tasks"] for part in compiled["components"].values() if "dag" in part]
    tasks = next(graph for graph in graphs if any(name.startswith("train-adapter") for name in graph))
    base, tuned = sorted(name for name in tasks if name.startswith("embed"))
    short = {name: name.rstrip("-23") for name in tasks} | {base: "base", tuned: "tuned"}
    waits = {short[name]: {short[other] for other in task.get("dependentTasks", [])} for name, task in tasks.items()}
    assert waits == {
        "base": set(),
        "train-adapter": {"base"},
        "tuned": {"train-adapter"},
        "evaluate": {"tuned"},
        "score": {"tuned"},
        "select": {"score"},
        "publish": {"evaluate", "select"},
    }


def test_images_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    import labelcycle.components.core.kfp as kfp_settings

    source = Path(kfp_settings.__file__).read_text()
    assert 'os.environ.get("LABELCYCLE_IMAGE", "labelcycle-python:' in source
