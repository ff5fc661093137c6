import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from labelcycle.components.tracking import track_campaign

SECONDS_TO_START = 120


@pytest.fixture
def server(tmp_path: Path, empty_database: Path) -> Iterator[str]:
    """The address of an MLflow server with an empty database, which keeps artifacts for its clients."""
    database = shutil.copyfile(empty_database, tmp_path / "server.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(tmp_path / "artifacts")]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = tmp_path / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=output, stderr=output, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _await(address, process, log)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"The MLflow server did not start:\n{log.read_text()[-2000:]}")


@pytest.mark.system
def test_a_campaign_on_a_server(campaign: Any, server: str, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    campaign.commit_cold_start()
    campaign.commit_training(accuracy=0.5)
    assert track_campaign(campaign.root) == [0, 1]
    assert track_campaign(campaign.root) == []
    campaign.commit_training(accuracy=0.4, ratio=1.0)
    start = time.perf_counter()
    assert track_campaign(campaign.root) == [2]
    seconds = time.perf_counter() - start
    assert capfd.readouterr() == ("", "")
    print(f"one cycle over HTTP: {seconds:.2f} s")

    client = MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name("labelcycle")
    assert experiment.artifact_location.startswith("mlflow-artifacts:")
    runs = client.search_runs([experiment.experiment_id], "tags.`labelcycle.kind` = 'cycle'")
    last = next(run for run in runs if run.data.tags["labelcycle.cycle"] == "0002")
    assert last.data.metrics["accuracy"] == 0.4
    assert {entry.tags[0].value for entry in last.inputs.dataset_inputs} == {"pool", "training", "evaluation"}
    assert "report.html" in {file.path for file in client.list_artifacts(last.info.run_id)}

    name = f"labelcycle-{campaign.campaign.identifier}"
    assert client.get_model_version_by_alias(name, "challenger").run_id == last.info.run_id
    champion = client.get_model_version_by_alias(name, "champion")
    assert champion.tags["labelcycle.cycle"] == "0001"
    folder = Path(download_artifacts(f"models:/{name}@champion", dst_path=str(tmp_path / "downloaded")))
    assert (folder / "adapter" / "adapter_model.safetensors").read_bytes() == b"adapter weights"
    assert not (Path(campaign.root) / "mlartifacts").exists()
