"""An MLflow server for the whole session, which keeps files on Swift, and clients with an account and nothing else."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.services.mlflow_server.server import MlflowServer
from tests.services.swift.cluster import SwiftCluster
from tests.services.swift.configuration import ACCESS_KEY, SECRET_KEY
from tests.services.swift.conftest import administrator, session_cluster

__all__ = ["administrator", "session_cluster"]

BUCKET = "mlflow-files"
ACCOUNT = ("campaigns", "the-password-of-campaigns")
READER = ("reader", "the-password-of-a-reader")


@pytest.fixture(scope="session")
def session_server(
    session_cluster: SwiftCluster, administrator: Any, empty_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    """The server, running, with an account that may write what it creates, and another one."""
    administrator.create_bucket(Bucket=BUCKET)
    folder = tmp_path_factory.mktemp("mlflow-server")
    storage = {
        "MLFLOW_S3_ENDPOINT_URL": session_cluster.endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    database = Path(shutil.copyfile(empty_database, folder / "mlflow.db"))
    server = MlflowServer(folder, database, f"s3://{BUCKET}/files", storage)
    try:
        server.start()
        for name, password in (ACCOUNT, READER):
            server.create_account(name, password)
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(session_server: MlflowServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MlflowServer:
    """The server, running; this test's settings name it and the account, and know nothing of the server's S3."""
    if not session_server.running:
        session_server.start()
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "KFP_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", session_server.address)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ACCOUNT[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ACCOUNT[1])
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", f"experiment-{tmp_path.name}")
    return session_server


@pytest.fixture
def client(server: MlflowServer) -> MlflowClient:
    """A client with the account."""
    return MlflowClient(tracking_uri=server.address)
