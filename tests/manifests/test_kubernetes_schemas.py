"""Every core object of every overlay is what Kubernetes takes, unknown fields refused, at two of its versions."""

import functools
import json
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from tests.manifests.kustomizations import OVERLAYS, Object, render

VERSIONS = ("1.33", str(kubernetes_validate.latest_version()))
"""The oldest that Kubeflow Pipelines 2.17 is tested with, and the newest that there is a schema of."""

NOT_OF_KUBERNETES = {"WorkflowTemplate", "CronWorkflow", "EventSource", "Sensor", "EventBus"}
"""Kinds of Argo, which Kubernetes has no schema of. Those that are rendered are checked by tests/pipelines/argo."""


@functools.cache
def complaint(text: str, version: str) -> str:
    """What is wrong with an object; empty where nothing is."""
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        return f"{error}: {getattr(error, 'message', '')}"
    return ""


def complaints(objects: list[Object], version: str) -> list[str]:
    """What is wrong with the objects that are Kubernetes' own."""
    ours = [given for given in objects if given["kind"] not in NOT_OF_KUBERNETES]
    return [found for given in ours if (found := complaint(json.dumps(given, sort_keys=True), version))]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_is_valid(overlay: str, version: str) -> None:
    assert complaints(render(overlay), version) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("Deployment", "replica", 2),
        ("Deployment", "replicas", "two"),
        ("NetworkPolicy", "egres", []),
        ("PodDisruptionBudget", "maxUnavailable", 1.5),
        ("Service", "ports", "5000"),
    ],
)
def test_a_field_that_is_wrong_is_found(kind: str, field: str, value: Any, version: str) -> None:
    objects = render("base")
    next(given for given in objects if given["kind"] == kind)["spec"][field] = value
    assert len(complaints(objects, version)) == 1


def test_a_kind_that_nobody_checks_is_found() -> None:
    objects = [{"apiVersion": "example.com/v1", "kind": "Profile", "metadata": {"name": "x"}, "spec": {}}]
    assert len(complaints(objects, VERSIONS[0])) == 1
