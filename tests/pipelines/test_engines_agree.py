"""Kubeflow Pipelines and Argo run the same graph: the same stages in the same order, with the same credentials."""

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


Credentials = dict[str, set[tuple[str, str]]]
"""By stage, the parameters that name its secrets, and the variables that come of them."""


def kubeflow_credentials() -> Credentials:
    spec, platform = yaml.safe_load_all(COMPILED.read_text())
    found: Credentials = {}
    for graph in [spec["root"], *spec["components"].values()]:
        for task in graph.get("dag", {}).get("tasks", {}).values():
            label = spec["components"][task["componentRef"]["name"]].get("executorLabel")
            if label is not None:
                secrets = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"][label]["secretAsEnv"]
                given = {
                    (named(secret["secretNameParameter"]["componentInputParameter"]), key["secretKey"])
                    for secret in secrets
                    for key in secret["keyToEnv"]
                }
                assert found.setdefault(task["taskInfo"]["name"].replace("_", "-"), given) == given
    return found


def named(parameter: str) -> str:
    """The name of a parameter; groups inside others know it under a longer one."""
    return parameter.removeprefix("pipelinechannel--")


def argo_credentials() -> Credentials:
    found: Credentials = {}
    for template in yaml.safe_load(RENDERED.read_text())["spec"]["templates"]:
        if "container" in template:
            sources = [(given["name"], given.get("valueFrom", {})) for given in template["container"]["env"]]
            found[template["name"]] = {
                (
                    source["secretKeyRef"]["name"].removeprefix("{{workflow.parameters.").removesuffix("}}"),
                    source["secretKeyRef"]["key"],
                )
                for _, source in sources
                if "secretKeyRef" in source
            }
    return found


def test_they_give_the_same_credentials_to_the_same_stages() -> None:
    credentials = argo_credentials()
    assert kubeflow_credentials() == credentials
    token = ("labelling_secret", "LABEL_STUDIO_TOKEN")
    assert [stage for stage, given in credentials.items() if token in given] == ["label-ingest", "publish"]
