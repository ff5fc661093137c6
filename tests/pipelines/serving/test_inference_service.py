"""The InferenceService: what KServe's own fields may be, and a pod that Kubernetes takes and `restricted` admits."""

from collections.abc import Callable
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from labelcycle.components.core.campaign.campaign import Campaign, load_campaign
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.cli.main import app_with
from labelcycle.pipelines.profiles.profile import read_profile
from labelcycle.pipelines.serving.inference_service import inference_service
from tests.manifests.rules.containers import restricted, root_read_only

POD = {
    name: {}
    for name in (
        *("automountServiceAccountToken", "securityContext", "nodeSelector", "tolerations", "volumes", "containers"),
        *("serviceAccountName", "imagePullSecrets", "affinity", "priorityClassName"),
    )
}
"""Fields of the pod, which the predictor has beside its own; Kubernetes' schema checks what is in them."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "serving.kserve.io/v1beta1"},
        "kind": {"const": "InferenceService"},
        "metadata": {"type": "object", "required": ["name", "namespace"]},
        "spec": {
            "type": "object",
            "required": ["predictor"],
            "additionalProperties": False,
            "properties": {
                "predictor": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["containers"],
                    "properties": {
                        "minReplicas": {"type": "integer", "minimum": 0},
                        "maxReplicas": {"type": "integer", "minimum": 1},
                        "timeout": {"type": "integer"},
                        "containerConcurrency": {"type": "integer"},
                        "canaryTrafficPercent": {"type": "integer", "minimum": 0, "maximum": 100},
                        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
                        **POD,
                    },
                }
            },
        },
    },
}
"""Of KServe's v1beta1 what a predictor with a container of its own may have, after PredictorSpec and
ComponentExtensionSpec of kserve/kserve."""


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Campaign:
    return load_campaign(open_store(begin(name="Digits_2").root))


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """The pod that KServe makes of the predictor, as far as the manifest says."""
    spec = {name: value for name, value in manifest["spec"]["predictor"].items() if name in POD}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "predictor"}, "spec": spec}


@pytest.mark.parametrize("profile", ["small", "gpu", "a100"])
def test_it_is_what_kserve_and_kubernetes_take(campaign: Campaign, profile: str) -> None:
    manifest = inference_service(campaign, read_profile(profile), "registry.example.org/labelcycle-python:1", "al")
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(manifest)] == []
    pod = pod_of(manifest)
    kubernetes_validate.validate(pod, "1.33", strict=True)
    assert restricted([pod]) == root_read_only([pod]) == []
    assert manifest["metadata"]["name"] == "labelcycle-digits-2" and manifest["metadata"]["namespace"] == "al"
    [container] = pod["spec"]["containers"]
    assert container["name"] == "kserve-container", "of another name KServe would look for a runtime"
    assert container["image"].endswith("-cuda") == (profile != "small") == ("nvidia.com/gpu" in str(pod))
    values = [each for each in container["env"] if "valueFrom" in each]
    assert all(next(iter(each["valueFrom"].values()))["optional"] for each in values)
    assert {each["name"] for each in values} >= {"MLFLOW_TRACKING_URI", "AWS_ACCESS_KEY_ID"}


def test_the_champion_or_one_version_is_served(campaign: Campaign) -> None:
    for version, end in ((None, "@champion"), (3, "/3")):
        manifest = inference_service(campaign, read_profile("small"), "python:1", "al", version=version)
        [container] = manifest["spec"]["predictor"]["containers"]
        told = container["args"][container["args"].index("--model-uri") + 1]
        assert told == f"models:/labelcycle-{campaign.identifier}{end}"


def test_mlflow_has_the_options(campaign: Campaign) -> None:
    from mlflow.models.cli import serve

    manifest = inference_service(campaign, read_profile("small"), "python:1", "al")
    [container] = manifest["spec"]["predictor"]["containers"]
    assert (container["command"], len(container["args"])) == (["mlflow", "models", "serve"], 10)
    parsed = serve.make_context("serve", list(container["args"]))
    assert (parsed.params["host"], int(parsed.params["port"]), parsed.params["env_manager"]) == (
        "0.0.0.0",
        8080,
        "local",
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "Digits"}, "cannot be called 'Digits'"),
        ({"name": "a" * 47}, "46 at most"),
        ({"replicas": (2, 1)}, "From 2 to 1 pods cannot be"),
    ],
)
def test_what_kserve_would_refuse(campaign: Campaign, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        inference_service(campaign, read_profile("small"), "python:1", "al", **settings)


def test_the_command_prints_it(begin: Callable[..., Any], tmp_path: Any) -> None:
    root = begin().root
    answer = CliRunner().invoke(app_with(["kserve", "argo"]), ["kserve", root, "--image", "python:1", "--version", "2"])
    manifest = yaml.safe_load(answer.stdout)
    assert answer.exit_code == 0 and manifest["spec"]["predictor"]["containers"][0]["image"] == "python:1"
    file = tmp_path / "new" / "service.yaml"
    written = ["kserve", root, "--image", "python:1", "--version", "2", "--output", str(file)]
    assert CliRunner().invoke(app_with(["kserve", "argo"]), written).exit_code == 0
    assert yaml.safe_load(file.read_text()) == manifest
    assert "the campaign has no model yet" in answer.stderr
    assert "*id" not in file.read_text(), "nothing is an alias of something else"


def test_a_model_that_no_pod_can_load_is_told(
    begin: Callable[..., Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin(budget=4, batch=4)
    for _ in range(2):
        campaign.run_cycle()
    database = tmp_path / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    command = ["kserve", campaign.root, "--image", "python:1"]
    assert CliRunner().invoke(app_with(["kserve", "argo"]), command).stderr == ""
    database.write_bytes(b"")
    told = CliRunner().invoke(app_with(["kserve", "argo"]), command).stderr
    assert told.startswith(f"models are registered in {database}, which pods do not see")
