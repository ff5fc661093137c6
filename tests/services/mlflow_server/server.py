"""A real MLflow server with accounts: its tables in SQLite, its files in a folder or in S3, where clients cannot go."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import requests

ADMINISTRATOR = ("administrator", "the-administrators-password")
SECONDS_TO_START = 600


class MlflowServer:
    """One server on one folder. Made stopped; it may be stopped and started again."""

    def __init__(self, folder: Path, database: Path, artifacts: str, settings: Mapping[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._folder = folder
        self._database = database
        self._artifacts = artifacts
        accounts = folder / "accounts.ini"
        accounts.write_text(
            f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder / 'accounts.db'}\n"
            f"admin_username = {ADMINISTRATOR[0]}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
            "auth_cache_ttl_seconds = 60\n"
        )
        self._settings = {
            **settings,
            "MLFLOW_AUTH_CONFIG_PATH": str(accounts),
            "MLFLOW_AUTH_ADMIN_PASSWORD": ADMINISTRATOR[1],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-key-of-the-tests",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What clients set as MLFLOW_TRACKING_URI."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._process is not None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--workers", "1", "--app-name", "basic-auth"]
        command += ["--backend-store-uri", f"sqlite:///{self._database}", "--artifacts-destination", self._artifacts]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "AWS_"))}
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=inherited | self._settings,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await()

    def stop(self) -> None:
        """End the server and its worker, which share a process group of their own."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=60)
            self._process = None

    def create_account(self, name: str, password: str) -> None:
        """Add an account without rights beyond those that every account has."""
        account = {"username": name, "password": password}
        url = f"{self.address}/api/2.0/mlflow/users/create"
        requests.post(url, json=account, auth=ADMINISTRATOR, timeout=60).raise_for_status()

    def _await(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.address}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        log = (self._folder / "server.log").read_text()[-2000:]
        raise AssertionError(f"The MLflow server did not start:\n{log}")
