"""Argo Events: which calls an event source takes, and what a sensor creates on the event that comes of one.

Understood is what labelcycle's manifests use: webhooks with a bearer token, and triggers that create a resource as it
stands in the manifest. What would read a call's content (filters, transforms, parameters) is an error.

Source: argoproj/argo-events, pkg/eventsources/common/webhook/webhook.go, pkg/eventsources/sources/webhook/start.go,
pkg/sensors/listener.go.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 1048576
"""Of a call's body, where the event source names no other number."""

READS_CONTENT = ("filters", "transform", "parameters", "conditions")


@dataclass(frozen=True)
class Call:
    """An HTTP request."""

    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    path: str = "/labels"


@dataclass(frozen=True)
class Event:
    """What an event source puts on the bus."""

    source: str
    name: str
    data: dict[str, Any]


class RefusedCallError(Exception):
    """The event source does not take a call; the message is the HTTP status."""


def receive(source: dict[str, Any], call: Call, secrets: Mapping[str, Mapping[str, str]]) -> Event:
    """The event that comes of a call.

    Raises:
        RefusedCallError: there is no such path, the token is wrong, or method, size or content are not taken.
    """
    webhooks = [(name, given) for name, given in source["spec"]["webhook"].items() if given["endpoint"] == call.path]
    if not webhooks:
        raise RefusedCallError("404")
    [(name, webhook)] = webhooks
    secret = webhook["authSecret"]
    if call.headers.get("Authorization") != f"Bearer {secrets[secret['name']][secret['key']]}":
        raise RefusedCallError("401")
    if call.method != webhook["method"] or len(call.body) > int(webhook.get("maxPayloadSize", MOST_BYTES)):
        raise RefusedCallError("400")
    try:
        content = json.loads(call.body)
    except ValueError as error:
        raise RefusedCallError("400") from error
    headers = {**call.headers, "Authorization": "*** Masked Auth Secret ***"}
    return Event(source["metadata"]["name"], name, {"header": headers, "body": content})


def created(sensor: dict[str, Any], event: Event) -> list[dict[str, Any]]:
    """The resources that a sensor creates on an event.

    Raises:
        NotImplementedError: the sensor reads the event's content.
    """
    for part in _parts(sensor["spec"]["dependencies"], sensor["spec"]["triggers"]):
        if read := [key for key in READS_CONTENT if key in part]:
            raise NotImplementedError(f"the sensor reads what a call says: {read}")
    awaited = {(given["eventSourceName"], given["eventName"]) for given in sensor["spec"]["dependencies"]}
    if awaited != {(event.source, event.name)}:
        return []
    triggers = [trigger["template"]["k8s"] for trigger in sensor["spec"]["triggers"]]
    assert all(trigger["operation"] == "create" for trigger in triggers)
    return [copy.deepcopy(trigger["source"]["resource"]) for trigger in triggers]


def _parts(dependencies: list[dict[str, Any]], triggers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    templates = [trigger["template"] for trigger in triggers]
    return [*dependencies, *triggers, *templates, *(template["k8s"] for template in templates)]
