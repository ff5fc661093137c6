import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from labelcycle.components.core.models.model_description import read_description
from labelcycle.components.tracking import track_campaign
from labelcycle.components.tracking.model_weights import read_weights

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


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every request that is sent from now on: method and path, with `*` for ids and names of files."""
    sent: list[str] = []
    send = requests.Session.send

    def counted(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        path = urlsplit(request.url or "").path.partition("/mlflow")[2]
        known = re.sub(r"artifacts/artifacts/.*", "artifacts/*", re.sub(r"\bm-[0-9a-f]{32}", "*", str(path)))
        sent.append(f"{request.method} {known.lstrip('/-')}")
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", counted)
    return sent


BEFORE_ANY_CYCLE = ["GET experiments/get-by-name", "POST runs/search"]
TRAINED = [
    "POST runs/create",
    "POST runs/log-inputs",
    "GET runs/get",
    *["PUT artifacts/*"] * 11,
    "POST logged-models/search",
    "POST logged-models",
    "GET logged-models/*",
    *["PUT artifacts/*"] * 10,
    "PATCH logged-models/*",
    "POST runs/outputs",
    "GET model-versions/search",
    "POST model-versions/create",
    "GET registered-models/get",
    "POST registered-models/alias",
    "POST runs/log-batch",
    "POST runs/update",
    "POST runs/log-batch",
]
"""What a cycle that trains takes: its files one by one, because MLflow's server takes them so, and little else."""


@pytest.mark.system
def test_a_campaign_on_a_server(campaign: Any, server: str, tmp_path, monkeypatch, capfd, requested: list[str]):
    def sent_by_tracking(cycles: list[int]) -> list[str]:
        requested.clear()
        assert track_campaign(campaign.root) == cycles
        return list(requested)

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    campaign.commit_cold_start()
    first = ["POST experiments/create", "POST runs/search", "POST runs/create", "POST runs/log-batch"]
    cold_start = ["POST runs/create", "POST runs/log-inputs", "POST runs/update", "POST runs/log-batch"]
    assert sent_by_tracking([0]) == [BEFORE_ANY_CYCLE[0], *first, *cold_start]
    campaign.commit_training(accuracy=0.5)
    sent = sent_by_tracking([1])
    copy = ["GET runs/get", "PUT artifacts/*", "POST runs/set-tag"]
    champion = ["GET registered-models/get", "POST registered-models/alias"]
    assert Counter(sent) == Counter([*BEFORE_ANY_CYCLE, *TRAINED, "POST registered-models/create", *champion, *copy])
    assert Counter(sent_by_tracking([])) == Counter(
        [*BEFORE_ANY_CYCLE, "GET model-versions/search", "GET registered-models/alias"]
    )
    campaign.commit_training(accuracy=0.4, ratio=1.0)
    assert Counter(sent_by_tracking([2])) == Counter([*BEFORE_ANY_CYCLE, *TRAINED, "GET registered-models/alias"])
    assert capfd.readouterr() == ("", "")

    client = MlflowClient(tracking_uri=server)
    experiment = client.get_experiment_by_name("labelcycle")
    assert experiment.artifact_location.startswith("mlflow-artifacts:")
    runs = client.search_runs([experiment.experiment_id], "tags.`labelcycle.kind` = 'cycle'")
    (parent,) = client.search_runs([experiment.experiment_id], "tags.`labelcycle.kind` = 'campaign'")
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
    described = read_description(folder).backbone
    assert described is not None
    copy_of_it = f"runs:/{parent.info.run_id}/backbone/{campaign.campaign.backbone.weights.sha256}.safetensors"
    assert described.weights_copy == copy_of_it
    (Path(campaign.root) / "weights.safetensors").unlink()
    assert read_weights(described, folder) == b"weights"
    assert not (Path(campaign.root) / "mlartifacts").exists()
