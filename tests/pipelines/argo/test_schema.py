"""Every manifest is what its kind may be: no unknown field, no wrong type; kustomize builds both folders."""

import copy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from labelcycle.pipelines.argo.files import rendered_files
from labelcycle.pipelines.argo.rendering import Rendering
from labelcycle.pipelines.profiles.profile import read_profile
from tests.pipelines.argo.conftest import IMAGE, Manifests, render
from tests.pipelines.argo.strict import KINDS, strict_schema

MANIFESTS = Path(__file__).parents[3] / "manifests"


@pytest.fixture(scope="module")
def validators() -> dict[str, Any]:
    return {kind: jsonschema.Draft202012Validator(strict_schema(kind)) for kind in KINDS}


@pytest.mark.parametrize("profile", ["small", "gpu", "a100"])
def test_manifests_are_what_their_kinds_may_be(validators: dict[str, Any], profile: str) -> None:
    checked = []
    for name, manifest in render(profile).items():
        if manifest["kind"] in validators:
            assert [error.message for error in validators[manifest["kind"]].iter_errors(manifest)] == [], name
            checked.append(manifest["kind"])
    assert sorted(checked) == [
        "CronWorkflow",
        "CronWorkflow",
        "EventSource",
        "Sensor",
        *["WorkflowTemplate"] * 3,
    ]


@pytest.mark.parametrize(
    ("file", "path", "value"),
    [
        ("workflows/cycle.yaml", ("spec", "entryPoint"), "cycle"),
        ("workflows/cycle.yaml", ("spec", "templates", 0, "step"), []),
        ("workflows/cycle.yaml", ("spec", "templates", 3, "container", "arg"), []),
        ("workflows/cycle.yaml", ("spec", "templates", 3, "container", "securityContext", "runAsNonroot"), True),
        ("workflows/cycle.yaml", ("spec", "templates", 3, "container", "args"), "--root"),
        ("workflows/campaign.yaml", ("spec", "templates", 1, "steps", 0, 0, "templateRef", "workflow"), "x"),
        ("workflows/schedule.yaml", ("spec", "schedule"), "0 * * * *"),
        ("workflows/schedule.yaml", ("spec", "startingDeadlineSeconds"), "soon"),
        ("workflows-on-labels/event-source.yaml", ("spec", "webhook", "labels", "endPoint"), "/labels"),
        ("workflows-on-labels/sensor.yaml", ("spec", "triggers", 0, "template", "k8s", "operations"), "create"),
        ("workflows-on-labels/sensor.yaml", ("kind",), "Sensors"),
    ],
)
def test_typing_errors_are_found(
    validators: dict[str, Any], manifests: Manifests, file: str, path: tuple[Any, ...], value: object
) -> None:
    damaged: Any = copy.deepcopy(manifests[file])
    inner = damaged
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert not validators[manifests[file]["kind"]].is_valid(damaged)


def test_kinds_of_kubernetes_itself_are_valid() -> None:
    content = rendered_files(Rendering(read_profile("small"), IMAGE))["workflows-on-labels/access.yaml"]
    kinds = []
    for manifest in yaml.safe_load_all(content):
        kubernetes_validate.validate(manifest, "1.33", strict=True)
        kinds.append(manifest["kind"])
    assert sorted(kinds) == ["NetworkPolicy", "NetworkPolicy", "Role", "RoleBinding", "ServiceAccount"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed, which brings kustomize")
@pytest.mark.parametrize(("folder", "count"), [("workflows", 5), ("workflows-on-labels", 7)])
def test_kustomize_builds_each_folder_in_its_namespace(folder: str, count: int) -> None:
    built = subprocess.run(["kubectl", "kustomize", MANIFESTS / folder], capture_output=True, text=True, check=True)
    found = list(yaml.safe_load_all(built.stdout))
    assert [manifest["metadata"]["namespace"] for manifest in found] == ["labelcycle"] * count
    assert built.stderr == ""
