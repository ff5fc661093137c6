"""The rights that the manifests give to a submitter are enough for what the commands ask of the API."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.conftest import Bench
from tests.pipelines.kubeflow.api_server import API, PipelinesApi
from tests.pipelines.kubeflow.conftest import Answer

ROLE = Path(__file__).parents[3] / "manifests" / "overlays" / "kubeflow" / "runs" / "submitter.yaml"
RESOURCES = {"experiments": "experiments", "runs": "runs", "recurringruns": "jobs"}
VERBS = {
    ("GET", False): "list",
    ("GET", True): "get",
    ("POST", False): "create",
    ("DELETE", True): "delete",
}


def right(method: str, path: str) -> tuple[str, str]:
    """The resource and the verb that the API asks Kubernetes about before it carries out a request."""
    kind, _, rest = path.removeprefix(f"{API}/").partition("/")
    verb = re.search(r":(\w+)$", rest)
    return RESOURCES[kind], verb[1] if verb else VERBS[method, bool(rest)]


def test_the_rights_of_a_submitter_are_enough(
    command: Callable[..., Answer], api: PipelinesApi, campaign: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.on_read = lambda run: run.update(state="SUCCEEDED")
    assert command("submit", campaign.root, "--wait").code == 3
    for words in (["--every", "1h"], ["--show"], ["--pause"], ["--resume"], ["--delete"]):
        assert command("schedule", campaign.root, *words).code == 0
    used = {right(method, path) for method, path in api.requests if not path.endswith("/healthz")}
    role = next(part for part in yaml.safe_load_all(ROLE.read_text()) if part["kind"] == "Role")
    granted = {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    assert used <= granted
    assert {("jobs", "enable"), ("jobs", "disable"), ("jobs", "delete"), ("runs", "get")} <= used
