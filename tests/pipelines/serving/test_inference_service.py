"""The InferenceService: what KServe's own fields may be, and a pod that Kubernetes takes and `restricted` admits."""

from collections.abc import Callable
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator
from mlflow import MlflowClient
from typer.testing import CliRunner

from labelcycle.components.core.campaign.campaign import Campaign, load_campaign
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.publish.mlflow_record import record_in_mlflow
from labelcycle.components.tracking.experiments import MODEL_FORMAT
from labelcycle.components.tracking.model_registry import registered_name
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
        (
            {"namespace": "Own space"},
            "The namespace 'Own space' is not a name that Kubernetes takes.* Correct --namespace",
        ),
    ],
)
def test_what_kserve_would_refuse(campaign: Campaign, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        inference_service(campaign, read_profile("small"), "python:1", **{"namespace": "al", **settings})


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


@pytest.mark.parametrize(
    ("flags", "pods"), [((), (1, 1)), (("--min-replicas", "3"), (3, 3)), (("--min-replicas", "0"), (0, 1))]
)
def test_as_many_pods_as_the_fewest_are_the_most_by_default(
    begin: Callable[..., Any], flags: tuple[str, ...], pods: tuple[int, int]
) -> None:
    command = ["kserve", begin().root, "--image", "python:1"]
    predictor = yaml.safe_load(CliRunner().invoke(app_with(["kserve", "argo"]), [*command, *flags]).stdout)["spec"]
    assert (predictor["predictor"]["minReplicas"], predictor["predictor"]["maxReplicas"]) == pods


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--min-replicas", "5", "--max-replicas", "2"), "From 5 to 2 pods cannot be"),
        (("--output", "."), "--output . is a folder. Name a file in it."),
    ],
)
def test_flags_that_cannot_be(begin: Callable[..., Any], flags: tuple[str, ...], message: str) -> None:
    command = ["kserve", begin().root, "--image", "python:1", *flags]
    refused = CliRunner().invoke(app_with(["kserve", "argo"]), command)
    assert isinstance(refused.exception, ConfigurationError) and message in str(refused.exception)


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


def test_a_version_that_mlflow_lacks_is_refused(
    begin: Callable[..., Any], mlflow: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    campaign = begin(budget=8, batch=4)
    for _ in range(3):
        campaign.run_cycle()
    record_in_mlflow(campaign.root)
    model = registered_name(load_campaign(open_store(campaign.root)))

    def asked(version: int) -> Any:
        command = ["kserve", campaign.root, "--image", "python:1", "--version", str(version)]
        return CliRunner().invoke(app_with(["kserve", "argo"]), command)

    there = asked(2)
    assert there.exit_code == 0 and f"models:/{model}/2" in there.stdout and "looked up" not in there.stderr
    refused = asked(9)
    assert isinstance(refused.exception, ConfigurationError) and refused.exception.exit_code == 1
    message = f"MLflow at sqlite:///{mlflow} has no version 9 of {model!r}. It has 1, 2: correct --version."
    assert str(refused.exception) == message and not refused.stdout
    MlflowClient().set_model_version_tag(model, "2", MODEL_FORMAT, "files alone: predict with labelcycle predict")
    with pytest.raises(
        ConfigurationError, match=f"Pods cannot load version 2 of {model!r}: it is files alone: predict"
    ):
        raise asked(2).exception or AssertionError("it was not refused")
    mlflow.unlink()
    unknown = asked(9)
    assert unknown.exit_code == 0 and "note: version 9 was not looked up. MLflow has no database at" in unknown.stderr
    assert not mlflow.exists(), "to ask makes no database"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = asked(9)
    assert away.exit_code == 0 and "note: version 9 was not looked up. MLflow at http://127.0.0.1:9" in away.stderr


def test_a_campaign_that_mlflow_has_no_model_of(begin: Callable[..., Any], mlflow: Any) -> None:
    campaign = begin(budget=4, batch=4)
    for _ in range(2):
        campaign.run_cycle()
    command = ["kserve", campaign.root, "--image", "python:1", "--version", "1"]
    refused = CliRunner().invoke(app_with(["kserve", "argo"]), command)
    assert "has no version 1 of" in str(refused.exception)
    assert str(refused.exception).endswith(
        "It has none: set MLFLOW_TRACKING_URI to the MLflow that cycles were recorded in."
    )
