import json
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.models import Model
from safetensors.numpy import load_file

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.tracking import track_campaign
from labelcycle.components.tracking.promoting import promote
from labelcycle.components.tracking.promotion import Gate
from labelcycle.components.tracking.promotion_history import read_champion, read_history


class Registry:
    """The campaign's registered model, read by MLflow's own client."""

    def __init__(self, campaign: Any) -> None:
        self.uri = f"sqlite:///{Path(campaign.root) / 'mlflow.db'}"
        self.name = f"labelcycle-{campaign.campaign.identifier}"
        self.client = MlflowClient(tracking_uri=self.uri)

    def cycle(self, alias: str) -> str:
        version: Any = self.client.get_model_version_by_alias(self.name, alias)
        tag: str = version.tags["labelcycle.cycle"]
        return tag

    def promotions(self) -> list[str]:
        versions = self.client.search_model_versions(f"name = '{self.name}'", order_by=["version_number ASC"])
        return [version.tags["labelcycle.promotion"] for version in versions]


@pytest.fixture
def registry(campaign: Any) -> Registry:
    campaign.commit_cold_start()
    return Registry(campaign)


def test_model_is_a_folder_of_safetensors(campaign, registry, tmp_path, monkeypatch):
    campaign.commit_training(accuracy=0.5)
    track_campaign(campaign.root)
    version = registry.client.get_model_version_by_alias(registry.name, "champion")
    (model,) = registry.client.search_logged_models(["1"])
    assert version.source == f"models:/{model.model_id}"
    assert version.run_id == model.source_run_id
    assert {metric.key: metric.value for metric in model.metrics} == {"accuracy": 0.5, "macro_f1": 0.25, "ece": 0.1}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    folder = Path(download_artifacts(f"models:/{registry.name}@champion", dst_path=str(tmp_path / "downloaded")))
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files - {"registered_model_meta"} == {
        "head.safetensors",
        "adapter/adapter_model.safetensors",
        "adapter/adapter_config.json",
        "model.json",
        "MLmodel",
        "labelcycle_model.py",
        "requirements.txt",
        "python_env.yaml",
        "input_example.json",
        "serving_input_example.json",
    }
    assert Model.load(folder).model_id == model.model_id
    assert load_file(folder / "head.safetensors")["weight"].shape == (2, 3)
    assert LinearHead.from_bytes((folder / "head.safetensors").read_bytes()).weight[0, 0] == 1
    description = json.loads((folder / "model.json").read_text())
    backbone = campaign.campaign.backbone
    assert description["backbone"]["name"] == "tiny"
    assert description["backbone"]["weights_sha256"] == backbone.weights.sha256
    assert description["backbone"]["transform"]["image_size"] == 32
    assert description["classes"] == ["cat", "dog"]
    assert description["space"] == "0123456789abcdef"
    assert (description["cycle"], description["campaign"]) == (1, campaign.campaign.identifier)


def test_challenger_is_the_newest_and_champion_the_best(campaign, registry):
    campaign.commit_training(accuracy=0.5)
    track_campaign(campaign.root)
    assert (registry.cycle("challenger"), registry.cycle("champion")) == ("0001", "0001")
    campaign.commit_training(accuracy=0.75)
    track_campaign(campaign.root)
    assert (registry.cycle("challenger"), registry.cycle("champion")) == ("0002", "0002")
    campaign.commit_training(accuracy=0.7)
    track_campaign(campaign.root)
    assert (registry.cycle("challenger"), registry.cycle("champion")) == ("0003", "0002")
    campaign.commit_training(accuracy=0.75)
    track_campaign(campaign.root)
    assert (registry.cycle("challenger"), registry.cycle("champion")) == ("0004", "0004")
    assert registry.promotions() == [
        "promoted: accuracy 0.5000, and there was no champion",
        "promoted: accuracy 0.7500, the champion, cycle 1, has 0.5000",
        "not promoted: accuracy 0.7000, the champion, cycle 2, has 0.7500",
        "promoted: accuracy 0.7500, the champion, cycle 2, has 0.7500",
    ]


def test_versions_tell_the_outcome_by_whom_and_when(campaign, registry):
    campaign.commit_training(accuracy=0.5)
    campaign.commit_training(accuracy=0.4)
    track_campaign(campaign.root)
    versions = registry.client.search_model_versions(f"name = '{registry.name}'", order_by=["version_number ASC"])
    history = read_history(campaign.store).promotions
    assert [
        (
            version.tags["labelcycle.promotion.outcome"],
            version.tags["labelcycle.promotion.by"],
            version.tags["labelcycle.promotion.time"],
        )
        for version in versions
    ] == [("promoted", "labelcycle", history[0].time), ("refused", "labelcycle", history[1].time)]


def test_the_alias_follows_a_promotion_by_a_person(campaign, registry):
    campaign.commit_training(accuracy=0.5)
    last = campaign.commit_training(accuracy=0.4)
    track_campaign(campaign.root)
    assert registry.cycle("champion") == "0001"
    promote(campaign.store, read_state(campaign.store), last, Gate(), force="the old one is biased")
    assert registry.cycle("champion") == "0001"
    assert track_campaign(campaign.root) == []
    assert (registry.cycle("challenger"), registry.cycle("champion")) == ("0002", "0002")
    assert registry.promotions()[1].startswith("forced: the old one is biased (accuracy 0.4000, the champion, cycle 1,")


def test_the_alias_follows_when_mlflow_is_back(campaign, registry, monkeypatch):
    campaign.commit_training(accuracy=0.5)
    track_campaign(campaign.root)
    campaign.commit_training(accuracy=0.75)
    with monkeypatch.context() as away:
        away.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
        away.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(TransientError):
            track_campaign(campaign.root)
    champion = read_champion(campaign.store)
    assert champion is not None and champion.cycle == 2
    assert registry.cycle("champion") == "0001"
    assert track_campaign(campaign.root) == [2]
    assert registry.cycle("champion") == "0002"


def test_a_version_of_an_earlier_labelcycle_is_told_apart(campaign, registry):
    """MLflow itself says no more than that it finds no MLmodel."""
    campaign.commit_training(accuracy=0.5)
    track_campaign(campaign.root)
    version = registry.client.get_model_version_by_alias(registry.name, "champion")
    assert version.tags["labelcycle.model_format"] == "pyfunc"
    registry.client.delete_model_version_tag(registry.name, version.version, "labelcycle.model_format")
    track_campaign(campaign.root)
    version = registry.client.get_model_version_by_alias(registry.name, "champion")
    assert "labelcycle predict ROOT --cycle 1" in version.tags["labelcycle.model_format"]


def test_a_run_deleted_by_hand_is_logged_again_without_a_second_version(campaign, registry):
    first = campaign.commit_training(accuracy=0.5)
    campaign.commit_training(accuracy=0.4)
    track_campaign(campaign.root)
    (run,) = registry.client.search_runs(["1"], f"tags.`labelcycle.commit` = '{first.digest}'")
    registry.client.delete_run(run.info.run_id)
    assert track_campaign(campaign.root) == [1]
    assert len(registry.promotions()) == 2
    assert (registry.cycle("challenger"), registry.cycle("champion")) == ("0002", "0001")
