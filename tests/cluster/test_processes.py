"""Servers end even where they were stopped; this needs no cluster."""

import signal
import sys
from pathlib import Path

import pytest

from tests.cluster.namespaces import Namespaces, await_that
from tests.cluster.processes import Server, group_exists


class Wrapped(Namespaces):
    """No namespaces: the command runs below another process, as it does below nsenter."""

    def command(self, *words: str) -> list[str]:
        return ["sh", "-c", '"$@"; exit', "sh", *words]


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server("sleeper", Wrapped(0, 0), [sys.executable, "-c", "import time; time.sleep(600)"], tmp_path)


def test_a_stopped_server_ends(server: Server) -> None:
    server.start()
    group = server.group
    server.send(signal.SIGSTOP)
    server.stop()
    assert not server.running and not group_exists(group)


def test_a_server_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cluster.processes.SECONDS_TO_END", 2)
    ready = tmp_path / "ready"
    ignore = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    deaf = f"import signal, time; {ignore}; open({str(ready)!r}, 'w').close(); time.sleep(600)"
    server = Server("deaf", Wrapped(0, 0), [sys.executable, "-c", deaf], tmp_path)
    server.start()
    await_that(ready.exists, "the server is ready")
    group = server.group
    server.stop()
    assert not group_exists(group)
