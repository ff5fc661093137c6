"""Addresses that a server's answer names are not called: `next` says only that there is more."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.project import project_numbers
from labelcycle.components.labelling.label_studio.tokens import token_of


def test_further_pages_are_those_of_the_configured_server(serve: Callable[..., Any]) -> None:
    elsewhere = serve(200, {}, "{}")
    body = json.dumps({"results": [], "next": f"{elsewhere.url}/api/projects/?page=2", "count": 1_000_000})
    server = serve(200, {"Content-Type": "application/json"}, body)
    campaign: Any = SimpleNamespace(identifier="campaign-0123", name="campaign")
    client = LabelStudio(server.url, token_of("0123456789abcdef", "test"), attempts=1)
    assert list(project_numbers(client, campaign)) == []
    assert len(server.received) == 1 and elsewhere.received == []
