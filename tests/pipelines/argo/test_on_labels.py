"""A call says that labels have arrived: whose calls start a cycle, and that nothing of their content matters.

`label_studio_call.json` is what Label Studio 1.23.2 sent on an answer, its token, signature and host replaced.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.argo.conftest import Manifests, workflow
from tests.pipelines.argo.interpreter.events import Call, Event, RefusedCallError, created, receive
from tests.pipelines.argo.test_engine import Stages

SECRETS = {"labelcycle-on-labels": {"token": "of-the-caller"}}
LABEL_STUDIO = {
    "User-Agent": "python-requests/2.34.2",
    "Content-Type": "application/json",
    "Authorization": "Bearer of-the-caller",
}
WITH_PAYLOAD = Path(__file__).with_name("label_studio_call.json").read_bytes()
WITHOUT_PAYLOAD = b'{"action": "ANNOTATION_CREATED"}'


def received(manifests: Manifests, body: bytes, **changes: Any) -> Event:
    """The event of a call as Label Studio's webhook makes it, with changes."""
    headers = LABEL_STUDIO | changes.pop("headers", {})
    return receive(manifests["workflows-on-labels/event-source.yaml"], Call(headers, body, **changes), SECRETS)


@pytest.mark.parametrize("body", [WITH_PAYLOAD, WITHOUT_PAYLOAD, b"{}"], ids=["with payload", "action alone", "empty"])
def test_a_call_starts_one_cycle_whatever_it_says(manifests: Manifests, body: bytes) -> None:
    [started] = created(manifests["workflows-on-labels/sensor.yaml"], received(manifests, body))
    assert started["metadata"] == {"generateName": "labelcycle-cycle-"}
    done = workflow(manifests, Stages("wait"))
    assert (done.run(started["spec"]), done.stages) == ("Succeeded", ["label-ingest"])
    assert done.pods[0].command[3:5] == ["--root", "s3://labelcycle/campaign"]


def test_the_call_is_label_studios() -> None:
    """Its payload names links to images and a token of the project, so it must get no further than the bus."""
    content = json.loads(WITH_PAYLOAD)
    assert content["action"] == "ANNOTATION_CREATED"
    assert content.keys() == {"action", "annotation", "project", "task"}
    assert "token" in content["project"] and "X-Amz-Signature" in content["task"]["data"]["image"]


def test_nothing_of_a_call_is_in_the_workflow(manifests: Manifests) -> None:
    sensor = manifests["workflows-on-labels/sensor.yaml"]
    assert created(sensor, received(manifests, WITH_PAYLOAD)) == created(sensor, received(manifests, b"{}"))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"headers": {"Authorization": "Bearer of-somebody-else"}}, "401"),
        ({"headers": {"Authorization": "Token of-the-caller"}}, "401"),
        ({"headers": {"Authorization": ""}}, "401"),
        ({"path": "/"}, "404"),
        ({"method": "PUT"}, "400"),
    ],
)
def test_other_calls_are_refused(manifests: Manifests, changes: dict[str, Any], status: str) -> None:
    with pytest.raises(RefusedCallError, match=status):
        received(manifests, WITHOUT_PAYLOAD, **changes)


def test_starts_are_few_however_many_answers_there_are(manifests: Manifests) -> None:
    [trigger] = manifests["workflows-on-labels/sensor.yaml"]["spec"]["triggers"]
    assert trigger["rateLimit"] == {"unit": "Minute", "requestsPerUnit": 1}
    assert trigger["atLeastOnce"] is True
