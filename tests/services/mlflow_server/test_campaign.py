"""A whole campaign by the installed command that reports to a real MLflow server, with an account of its own."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from labelcycle.components.core.campaign.campaign import load_campaign
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_object
from labelcycle.components.publish.mlflow_record import record_in_mlflow
from tests.services.mlflow_server.conftest import ACCOUNT, BUCKET
from tests.services.mlflow_server.server import MlflowServer
from tests.services.quick import QUICK


def runs_of(client: MlflowClient, kind: str) -> list[Any]:
    """This test's runs of a kind, `campaign` or `cycle`, by cycle."""
    experiment = client.get_experiment_by_name(os.environ["MLFLOW_EXPERIMENT_NAME"])
    found = client.search_runs([experiment.experiment_id], f"tags.`labelcycle.kind` = '{kind}'")
    return sorted(found, key=lambda run: run.data.tags.get("labelcycle.cycle", ""))


def test_a_campaign_over_http(
    labelcycle: Callable[..., Any],
    server: MlflowServer,
    client: MlflowClient,
    administrator: Any,
    embeddings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = str(tmp_path / "campaign")
    begun = labelcycle("init", root, "--embeddings", embeddings, "--budget", 8, "--batch", 8, *QUICK)
    assert begun.returncode == 0, begun.stderr
    ended = labelcycle("run", root)
    assert ended.returncode == 0, ended.stderr
    assert "MLflow" not in ended.stderr
    assert ACCOUNT[1] not in ended.stdout + ended.stderr

    (parent,) = runs_of(client, "campaign")
    cycles = runs_of(client, "cycle")
    state = read_state(open_store(root))
    assert [run.data.tags["labelcycle.cycle"] for run in cycles] == ["0000", "0001"]
    assert {run.data.tags["mlflow.parentRunId"] for run in cycles} == {parent.info.run_id}
    assert {run.info.status for run in [parent, *cycles]} == {"FINISHED"}
    assert [run.data.metrics.get("accuracy") for run in cycles] == [None, *(row.accuracy for row in state.trained)]
    history = client.get_metric_history(parent.info.run_id, "accuracy")
    assert [point.value for point in history] == [row.accuracy for row in state.trained]
    files = {file.path for file in client.list_artifacts(cycles[1].info.run_id)}
    assert {"learning_curve.png", "confusion_matrix.png", "report.html", "metrics.json"} <= files

    name = f"labelcycle-{load_campaign(open_store(root)).identifier}"
    assert client.get_model_version_by_alias(name, "challenger").run_id == cycles[1].info.run_id
    champion = client.get_model_version_by_alias(name, "champion")
    commit = state.commits[int(champion.tags["labelcycle.cycle"])]
    monkeypatch.chdir(tmp_path)
    folder = Path(download_artifacts(f"models:/{name}@champion", dst_path=str(tmp_path / "downloaded")))
    assert (folder / "head.safetensors").read_bytes() == read_object(open_store(root), commit.objects["head"])

    experiment = client.get_experiment(parent.info.experiment_id)
    assert experiment.artifact_location.startswith("mlflow-artifacts:")
    kept = administrator.list_objects_v2(Bucket=BUCKET, Prefix="files/")["Contents"]
    assert any(item["Key"].endswith("head.safetensors") for item in kept)
    assert not (tmp_path / "campaign" / "mlflow.db").exists()


def test_a_run_that_the_platform_prepared_is_used_for_its_cycle(
    begin: Callable[..., Any], client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = client.create_experiment("the-platforms-own")
    ours = client.create_run(experiment)
    monkeypatch.setenv("MLFLOW_RUN_ID", ours.info.run_id)
    campaign = begin(budget=8, batch=8)
    campaign.run_cycle()
    record_in_mlflow(campaign.root)
    record_in_mlflow(campaign.root)
    adopted = client.get_run(ours.info.run_id)
    assert adopted.data.tags["labelcycle.cycle"] == "0000"
    assert adopted.info.status == "RUNNING"
    parent = client.get_run(adopted.data.tags["mlflow.parentRunId"])
    assert parent.data.tags["labelcycle.kind"] == "campaign"
    found = client.search_runs([experiment])
    assert {run.info.run_id for run in found} == {adopted.info.run_id, parent.info.run_id}
