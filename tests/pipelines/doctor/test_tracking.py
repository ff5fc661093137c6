"""MLflow is asked for its version and with the log-in; as cycles are committed without it, nothing of it fails."""

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from tests.pipelines.doctor.conftest import Doctor
from tests.pipelines.doctor.kubernetes_server import serving

PASSWORD = "password-that-nobody-may-see-77aa"
ACCOUNT = "Basic bGFiZWxjeWNsZTpwYXNzd29yZC10aGF0LW5vYm9keS1tYXktc2VlLTc3YWE="


class Server(BaseHTTPRequestHandler):
    """Answers as MLflow does: its version to everybody, experiments to who logs in."""

    version = "3.17.2"
    refusal = (401, "You are not authenticated")

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/version":
            self._say(200, self.version)
        elif self.path.startswith("/api/2.0/mlflow/experiments/search?"):
            let_in = self.headers.get("Authorization") == ACCOUNT
            self._say(*((200, "{}") if let_in else self.refusal))
        else:
            self._say(404, "")

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def mlflow_server(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Server]]:
    """A server that the environment names, with a log-in that it takes."""
    own = type("OwnServer", (Server,), {})
    with serving(own) as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "labelcycle")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
        yield own


def test_a_server_with_a_log_in(doctor: Doctor, mlflow_server: type[Server], tmp_path: Path) -> None:
    report = doctor(tmp_path / "root")
    assert report.code == 0
    assert report.statuses["mlflow: mlflow"] == report.statuses["mlflow: mlflow log-in"] == "pass"
    assert "MLflow 3.17.2" in report.out and PASSWORD not in report.out


def test_a_wrong_password(
    doctor: Doctor, mlflow_server: type[Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "another-password")
    report = doctor(tmp_path / "root")
    assert report.code == 0
    assert "401" in report.trouble()["mlflow: mlflow log-in"]
    assert "another-password" not in report.out


def test_own_names_of_the_settings(
    doctor: Doctor, mlflow_server: type[Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name)
    assert "401" in doctor(tmp_path / "root").trouble()["mlflow: mlflow log-in"]
    monkeypatch.setenv("LABELCYCLE_MLFLOW_TRACKING_URI", os.environ["MLFLOW_TRACKING_URI"])
    monkeypatch.setenv("LABELCYCLE_MLFLOW_TRACKING_USERNAME", "labelcycle")
    monkeypatch.setenv("LABELCYCLE_MLFLOW_TRACKING_PASSWORD", PASSWORD)
    assert doctor(tmp_path / "root").statuses["mlflow: mlflow log-in"] == "pass"


def test_a_host_that_is_not_allowed(
    doctor: Doctor, mlflow_server: type[Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mlflow_server.refusal = (403, "Invalid Host header - possible DNS rebinding attack detected")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    assert "MLFLOW_SERVER_ALLOWED_HOSTS" in doctor(tmp_path / "root").trouble()["mlflow: mlflow log-in"]


def test_another_major_version(doctor: Doctor, mlflow_server: type[Server], tmp_path: Path) -> None:
    mlflow_server.version = "2.9.1"
    assert "2.9.1" in doctor(tmp_path / "root").trouble()["mlflow: mlflow"]


def test_something_else(doctor: Doctor, mlflow_server: type[Server], tmp_path: Path) -> None:
    mlflow_server.version = "<!doctype html>"
    assert "MLFLOW_TRACKING_URI" in doctor(tmp_path / "root").trouble()["mlflow: mlflow"]


def test_a_server_that_is_away(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:{PASSWORD}@127.0.0.1:1")
    report = doctor(tmp_path / "root")
    assert report.code == 0
    assert "no connection" in report.trouble()["mlflow: mlflow"]
    assert PASSWORD not in report.out + report.err


def test_databases(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_database: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{empty_database}")
    assert doctor(tmp_path / "root").statuses["mlflow: mlflow"] == "pass"
    (tmp_path / "notes.db").write_text("these are notes, and no database")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'notes.db'}")
    assert "no SQLite database" in doctor(tmp_path / "root").trouble()["mlflow: mlflow"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://user:{PASSWORD}@host/mlflow")
    report = doctor(tmp_path / "root")
    assert report.statuses["mlflow: mlflow"] == "pass" and PASSWORD not in report.out


def test_a_certificate_of_nobody(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*given: object, **named: object) -> None:
        raise requests.exceptions.SSLError("certificate verify failed")

    monkeypatch.setattr(requests, "get", refuse)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.our-company.io")
    assert "certificate is not trusted" in doctor(tmp_path / "root").trouble()["mlflow: mlflow"]
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    assert doctor(tmp_path / "root").statuses["mlflow: mlflow"] == "pass"
