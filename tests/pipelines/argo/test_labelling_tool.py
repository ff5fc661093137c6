"""A campaign whose labelling tool starts its cycles: by the rendered manifests, with real stages and the tool's API."""

import copy
import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.label_studio_api import PERSONAL, Api, running
from tests.pipelines.argo.conftest import Manifests, workflow
from tests.pipelines.argo.interpreter.engine import Workflow
from tests.pipelines.argo.interpreter.events import Call, created, receive
from tests.pipelines.argo.interpreter.pods import Cluster, Processes

CALLER = {"labelcycle-on-labels": {"token": "of-the-caller"}}
SAYS = Call({"Authorization": "Bearer of-the-caller"}, b'{"action": "ANNOTATION_CREATED"}')


@pytest.fixture
def label_studio() -> Iterator[Api]:
    """The tool."""
    with running(Api()) as api:
        yield api


@pytest.fixture
def call(manifests: Manifests, mlflow: Path) -> Callable[[str], Workflow]:
    """A function: the tool calls, and the cycle of the campaign at a root runs to its end."""
    secrets = {"labelcycle-labelling": {"LABEL_STUDIO_TOKEN": PERSONAL}}
    cluster = Cluster(secrets, {"labelcycle-settings": {"MLFLOW_TRACKING_URI": f"sqlite:///{mlflow}"}})

    def called(root: str) -> Workflow:
        event = receive(manifests["workflows-on-labels/event-source.yaml"], SAYS, CALLER)
        [started] = created(manifests["workflows-on-labels/sensor.yaml"], event)
        spec = copy.deepcopy(started["spec"])
        spec["arguments"]["parameters"] = [{"name": "root", "value": root}]
        cycle = workflow(manifests, Processes(cluster))
        assert cycle.run(spec) == "Succeeded", cycle.pods[-1].log
        return cycle

    return called


def test_the_tool_has_the_queries_and_starts_the_cycles(
    label_studio: Api, call: Callable[[str], Workflow], begin_on_images: Callable[..., Any], pictures: Any
) -> None:
    """Nobody submits, resumes or delivers a file; only the stages that call the tool know its token."""
    tool = {"label_studio": label_studio.url, "image_server": "http://images.example.org"}
    campaign = begin_on_images(labels_from=None, budget=8, batch=8, recipe="random", **tool)
    cycles = [call(campaign.root)]
    assert cycles[-1].stages == ["label-ingest", "embed", "select", "publish"]
    tasks = {number: task["data"]["sample_id"] for number, task in label_studio.tasks.items()}
    assert len(tasks) == 8

    answers = dict(csv.reader(pictures.labels.read_text().splitlines()))
    first, *rest = tasks
    label_studio.annotate(first, answers[tasks[first]])
    cycles.append(call(campaign.root))
    assert cycles[-1].stages == ["label-ingest"] and cycles[-1].pods[0].outputs["decision"] == "wait"

    for number in rest:
        label_studio.annotate(number, answers[tasks[number]])
    cycles.append(call(campaign.root))
    assert "train-adapter" in cycles[-1].stages and campaign.state.phase == "done"
    assert len(label_studio.tasks) == 8

    pods = [pod for cycle in cycles for pod in cycle.pods]
    assert {pod.template for pod in pods if PERSONAL in pod.environment.values()} == {"label-ingest", "publish"}
    assert not [pod.template for pod in pods if PERSONAL in json.dumps([pod.command, pod.log, pod.outputs])]
    assert not [key for key, content in campaign.files().items() if PERSONAL.encode() in content]
