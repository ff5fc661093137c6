import http.server
import logging
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import filelock
import mlflow
import pytest

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking import track_campaign
from labelcycle.components.tracking.location import tracking_location
from labelcycle.components.tracking.mlflow_session import mlflow_at


@pytest.fixture
def committed(campaign):
    campaign.commit_cold_start()
    return campaign


@contextmanager
def server_that_answers(status: int) -> Iterator[str]:
    """The address of a server that answers every request with this status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"no")

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_unreachable_server_is_reported_soon_and_without_its_password(committed, monkeypatch, capfd):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:pass-word@{host}")
    start = time.monotonic()
    with pytest.raises(TransientError) as caught:
        track_campaign(committed.root)
    assert time.monotonic() - start < 20
    assert f"MLflow at http://{host}" in str(caught.value)
    assert "the next run logs what is missing" in str(caught.value)
    assert "pass-word" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (401, ConfigurationError, "MLFLOW_TRACKING_USERNAME"),
        (403, ConfigurationError, "--allowed-hosts"),
        (404, ConfigurationError, "Check MLFLOW_TRACKING_URI"),
        (500, TransientError, "See that the server runs"),
        (503, TransientError, "See that the server runs"),
    ],
)
def test_what_a_server_answers_decides_the_error(committed, monkeypatch, status, error, remedy):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with server_that_answers(status) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:pass-word@{address}")
        with pytest.raises(error, match=remedy) as caught:
            track_campaign(committed.root)
    assert f"MLflow at http://{address}" in str(caught.value)
    assert "pass-word" not in str(caught.value)


@pytest.mark.parametrize("uri", ["file:./mlruns", "carrier-pigeon://loft"])
def test_a_store_that_mlflow_does_not_take_is_a_setting_to_correct(committed, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ConfigurationError, match="MLflow at"):
        track_campaign(committed.root)


def test_a_file_that_is_no_database_is_reported(committed):
    (Path(committed.root) / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(TransientError, match="not a database"):
        track_campaign(committed.root)


def test_a_database_of_another_mlflow_is_reported(committed):
    with closing(sqlite3.connect(Path(committed.root) / "mlflow.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    with pytest.raises(ConfigurationError, match="mlflow db upgrade"):
        track_campaign(committed.root)


def test_a_lock_that_is_not_released_is_reported(committed):
    location = tracking_location(open_store(committed.root))
    with (
        filelock.FileLock(Path(committed.root) / "mlflow.db.lock"),
        pytest.raises(TransientError, match="mlflow.db.lock"),
        mlflow_at(location, lock_seconds=0.1),
    ):
        pytest.fail("the lock is another's")


def test_global_state_is_put_back(committed, tmp_path, monkeypatch):
    theirs = f"sqlite:///{tmp_path / 'theirs.db'}"
    before, level = dict(os.environ), logging.getLogger("mlflow").level
    committed.commit_training(accuracy=0.5)
    mlflow.set_tracking_uri(theirs)
    try:
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
        assert track_campaign(committed.root) == [0, 1]
        assert mlflow.get_tracking_uri() == theirs
    finally:
        mlflow.set_tracking_uri(None)
    assert dict(os.environ) == before
    assert logging.getLogger("mlflow").level == level
    assert not (tmp_path / "theirs.db").exists()
