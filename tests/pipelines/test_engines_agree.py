"""Kubeflow Pipelines and Argo run the same graph: the same stages, and each waits for the same ones."""

from pathlib import Path
from typing import Any

import pytest
import yaml

COMPILED = Path(__file__).parents[2] / "pipelines" / "compiled" / "cycle.yaml"
RENDERED = Path(__file__).parents[2] / "manifests" / "workflows" / "cycle.yaml"

Graph = dict[str, set[str]]


def kubeflow_graph(condition: str) -> Graph:
    """Tasks of a branch, by their names for people, and those that each waits for."""
    spec: Any = next(yaml.safe_load_all(COMPILED.read_text()))
    attempt = spec["components"]["comp-labelcycle-attempt"]["dag"]["tasks"]
    branch = next(task for task in attempt.values() if f"== '{condition}'" in task["triggerPolicy"]["condition"])
    tasks = spec["components"][branch["componentRef"]["name"]]["dag"]["tasks"]
    name = {key: task["taskInfo"]["name"].replace(" ", "-").replace("_", "-") for key, task in tasks.items()}
    return {name[key]: {name[other] for other in task.get("dependentTasks", [])} for key, task in tasks.items()}


def argo_graph(template: str) -> Graph:
    templates = {found["name"]: found for found in yaml.safe_load(RENDERED.read_text())["spec"]["templates"]}
    return {task["name"]: set(task.get("dependencies", [])) for task in templates[template]["dag"]["tasks"]}


@pytest.mark.parametrize("decision", ["cold_start", "train"])
def test_they_wait_for_the_same(decision: str) -> None:
    graph = argo_graph(decision.replace("_", "-"))
    assert "publish" in graph and kubeflow_graph(decision) == graph
