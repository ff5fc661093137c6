"""Rendered manifests, and workflows that run from them on this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from labelcycle.pipelines.argo.files import rendered_files
from labelcycle.pipelines.argo.rendering import Rendering
from labelcycle.pipelines.profiles.profile import read_profile
from tests.pipelines.argo.interpreter.engine import People, Workflow, nobody
from tests.pipelines.argo.interpreter.pods import Cluster, Processes, Runner

IMAGE = "labelcycle-python:0.1.0"


Manifests = dict[str, dict[str, Any]]


def render(profile: str = "small", **settings: Any) -> Manifests:
    """The manifests by their file's path; of those with several documents none."""
    files = rendered_files(Rendering(read_profile(profile), **({"image": IMAGE} | settings)))
    documents = {name: list(yaml.safe_load_all(content)) for name, content in files.items()}
    return {name: found[0] for name, found in documents.items() if len(found) == 1}


def workflow(manifests: Manifests, run_pod: Runner, people: People = nobody) -> Workflow:
    """A workflow that knows the templates, and has still to be given a spec to run."""
    templates = [manifest for manifest in manifests.values() if manifest["kind"] == "WorkflowTemplate"]
    return Workflow({manifest["metadata"]["name"]: manifest for manifest in templates}, run_pod, people)


@pytest.fixture(scope="session")
def manifests() -> Manifests:
    """The manifests for the profile `small`; tests must not change them."""
    return render()


@pytest.fixture
def submit(manifests: Manifests) -> Callable[..., Workflow]:
    """A function: submit from a workflow template with parameters, and wait for the end."""

    def run(name: str, run_pod: Runner, people: People = nobody, **parameters: object) -> Workflow:
        started = workflow(manifests, run_pod, people)
        given = [{"name": key, "value": str(value)} for key, value in parameters.items()]
        started.run({"workflowTemplateRef": {"name": name}, "arguments": {"parameters": given}})
        return started

    return run


@pytest.fixture
def processes(mlflow: Path) -> Processes:
    """Real stages, in a cluster whose settings name the MLflow database of this test."""
    settings = {"MLFLOW_TRACKING_URI": f"sqlite:///{mlflow}"}
    return Processes(Cluster(config_maps={"labelcycle-settings": settings}))
