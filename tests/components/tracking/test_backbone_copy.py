"""MLflow's copy of a campaign's network: made once, by digest, not of what is too large, and none waits for it."""

from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from labelcycle.components.core.backbones.packaged import packaged_backbone
from labelcycle.components.tracking import backbone_copy
from labelcycle.components.tracking.backbone_copy import copy_of_backbone


class Server:
    """What an MLflow server is told of a campaign's run, and the run as it is then."""

    def __init__(self, uri: str = "http://127.0.0.1:1", fails: bool = False) -> None:
        self.tracking_uri, self.fails = uri, fails
        self.uploads: list[str] = []
        self.run: Any = SimpleNamespace(info=SimpleNamespace(run_id="parent"), data=SimpleNamespace(tags={}))

    def log_artifact(self, run_id: str, path: str, folder: str) -> None:
        if self.fails:
            raise MlflowException("no room")
        self.uploads.append(f"{run_id} {folder}/{path.rpartition('/')[2]}")

    def set_tag(self, run_id: str, name: str, value: str) -> None:
        self.run.data.tags[name] = value


def copied(server: Any, campaign: Any) -> str | None:
    return copy_of_backbone(server, campaign.store, server.run, campaign.campaign.backbone)


def test_it_is_uploaded_once(campaign: Any) -> None:
    server, digest = Server(), campaign.campaign.backbone.weights.sha256
    assert copied(server, campaign) == copied(server, campaign) == f"runs:/parent/backbone/{digest}.safetensors"
    assert server.uploads == [f"parent backbone/{digest}.safetensors"]


def test_what_is_too_large_stays_in_the_campaign(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbone_copy, "MOST_BYTES", 3)
    server = Server()
    assert copied(server, campaign) is copied(server, campaign) is None
    assert server.uploads == []
    assert "it has 7 bytes" in server.run.data.tags["labelcycle.backbone"]


def test_a_failure_is_a_notice_and_the_next_cycle_tries_again(campaign: Any, capsys: Any) -> None:
    server = Server(fails=True)
    assert copied(server, campaign) is None
    assert "MLflow has no copy of the weights of tiny yet; the next cycle tries again" in capsys.readouterr().err
    server.fails = False
    assert copied(server, campaign) is not None


def test_none_is_made_where_it_would_help_nobody(campaign: Any) -> None:
    assert copied(Server("sqlite:////tmp/mlflow.db"), campaign) is None
    server = Server()
    assert copy_of_backbone(server, campaign.store, server.run, None) is None  # type: ignore[arg-type]
    packaged = packaged_backbone(campaign.store, "float32", "auto")
    assert copy_of_backbone(server, campaign.store, server.run, packaged) is None  # type: ignore[arg-type]
    assert server.uploads == [] and server.run.data.tags == {}
