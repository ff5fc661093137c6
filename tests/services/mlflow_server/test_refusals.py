"""MLflow refuses or is gone: the campaign goes on, says so, and makes up for it later."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from labelcycle.components.publish.mlflow_record import record_in_mlflow
from tests.services.mlflow_server.conftest import ACCOUNT, READER
from tests.services.mlflow_server.server import MlflowServer
from tests.services.mlflow_server.test_campaign import runs_of
from tests.services.quick import QUICK


def test_no_commit_is_lost_and_records_are_made_up_for(
    labelcycle: Callable[..., Any], server: MlflowServer, client: MlflowClient, embeddings: Path, tmp_path: Path
) -> None:
    root = str(tmp_path / "campaign")
    assert labelcycle("init", root, "--embeddings", embeddings, "--budget", 8, "--batch", 8, *QUICK).returncode == 0

    refused = labelcycle("run", root, MLFLOW_TRACKING_PASSWORD="a-wrong-password")
    assert refused.returncode == 0
    assert refused.stdout.endswith("done: the budget of 8 labels is spent\n")
    told = " ".join(refused.stderr.split())
    assert f"MLflow has no record of this cycle yet: MLflow at {server.address} refuses access" in told
    assert "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in told
    assert "a-wrong-password" not in told
    facts = json.loads(labelcycle("status", root, "--json").stdout)
    assert (facts["state"], facts["labels"]) == ("done", 8)

    server.stop()
    unreachable = labelcycle("run", root)
    assert unreachable.returncode == 0
    assert f"MLflow at {server.address} cannot be reached or failed" in " ".join(unreachable.stderr.split())
    assert ACCOUNT[1] not in unreachable.stderr

    server.start()
    assert labelcycle("run", root).stderr == ""
    assert [run.data.tags["labelcycle.cycle"] for run in runs_of(client, "cycle")] == ["0000", "0001"]
    assert all(run.data.tags["labelcycle.complete"] == "true" for run in runs_of(client, "cycle"))


def test_an_account_that_may_only_read_is_told_so(
    begin: Callable[..., Any],
    client: MlflowClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    campaign = begin(budget=8, batch=8)
    campaign.run_cycle()
    record_in_mlflow(campaign.root)
    assert len(runs_of(client, "cycle")) == 1
    campaign.run_cycle()
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", READER[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", READER[1])
    capsys.readouterr()
    record_in_mlflow(campaign.root)
    told = capsys.readouterr().err
    assert "refuses access" in told and "to an account that may write" in told
    assert len(runs_of(client, "cycle")) == 1
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ACCOUNT[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ACCOUNT[1])
    record_in_mlflow(campaign.root)
    assert capsys.readouterr().err == ""
    assert len(runs_of(client, "cycle")) == 2
