"""A campaign on images recorded in a real MLflow server, and its champion served by `mlflow models serve`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import timm
from safetensors.torch import save_file

from labelcycle.components.core.campaign.campaign import load_campaign
from labelcycle.components.core.storage import open_store
from labelcycle.components.publish.mlflow_record import record_in_mlflow
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from labelcycle.pipelines.models.choice import choose_model
from labelcycle.pipelines.models.predict import predict_images
from tests.conftest import Bench, Pictures
from tests.services.mlflow_server.server import ADMINISTRATOR, MlflowServer

NETWORK, SIDE = "test_vit", 32
"""A network of timm's, so that every process knows it, with weights that labelcycle does not bring along."""

SECONDS_TO_START = 600
MINE = "MLFLOW_", "KFP_", "AWS_"


@dataclass(frozen=True)
class Recorded:
    """A campaign that MLflow has, and what `labelcycle predict` said of the images before its folder was moved away."""

    server: MlflowServer
    name: str
    campaign: str
    predictions: Path

    @property
    def champion(self) -> str:
        return f"models:/{self.name}@champion"


@pytest.fixture(scope="session")
def recorded(empty_database: Path, pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("recorded")
    server = MlflowServer(folder, Path(shutil.copyfile(empty_database, folder / "mlflow.db")), f"{folder}/files", {})
    weights = folder / "weights.safetensors"
    save_file(timm.create_model(NETWORK, num_classes=0, img_size=SIDE).state_dict(), weights)
    root = str(folder / "campaign")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(MINE)]:
            patch.delenv(name)
        patch.setenv("MLFLOW_TRACKING_URI", server.address)
        patch.setenv("MLFLOW_TRACKING_USERNAME", ADMINISTRATOR[0])
        patch.setenv("MLFLOW_TRACKING_PASSWORD", ADMINISTRATOR[1])
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.chdir(folder)
        begin_campaign(
            root,
            CampaignSettings(
                images=str(pictures.images),
                labels_from=str(pictures.labels),
                test=str(pictures.test),
                backbone=NETWORK,
                weights=str(weights),
                image_size=SIDE,
                budget=24,
                batch=12,
                recipe="logistic",
            ),
        )
        campaign = Bench(root)
        while campaign.state.phase != "done":
            campaign.run_cycle()
        try:
            server.start()
            record_in_mlflow(root)
            predictions = folder / "predictions.csv"
            predict_images(choose_model(root), str(pictures.images), str(predictions), probabilities=True)
            identifier = load_campaign(open_store(root)).identifier
            Path(root).rename(folder / "moved")
            weights.unlink()
            yield Recorded(server, f"labelcycle-{identifier}", identifier, predictions)
        finally:
            server.stop()


@pytest.fixture(scope="session")
def served(recorded: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `mlflow models serve` answers for the champion."""
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", recorded.champion]
    command += ["--host", "127.0.0.1", "--port", str(port), "--env-manager", "local", "--workers", "1"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PATH": path},
            cwd=folder,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await(f"http://127.0.0.1:{port}/ping", process, log)
        yield f"http://127.0.0.1:{port}/invocations"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def _await(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(address, timeout=5).status_code == 200:
                return
        except requests.RequestException:
            time.sleep(0.5)
    raise AssertionError(f"The model is not served:\n{log.read_text()[-3000:]}")


@pytest.fixture
def asked(served: str) -> Any:
    """A function: body and content type → the answer."""

    def ask(body: Any, kind: str = "application/json") -> requests.Response:
        how = {"json": body} if kind == "application/json" else {"data": body, "headers": {"Content-Type": kind}}
        return requests.post(served, timeout=300, **how)

    return ask
