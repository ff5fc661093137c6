"""`labelcycle images` as a process, on a free port, ended by its own pid."""

import http.client
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.installed_command import COMMAND
from tests.warm_start import warm_python

SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass(frozen=True)
class Server:
    """A process that serves images, and what it printed when it began."""

    process: subprocess.Popen[str]
    printed: list[str]
    log: Path

    @property
    def address(self) -> str:
        return self.printed[0].rpartition(" ")[2]

    def ask(self, target: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
        """Send this very request target, which no client has tidied up."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=SECONDS)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to end; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A function: root and flags → a server that answers; all are ended after the test."""
    servers: list[Server] = []

    def served(root: str, *flags: str) -> Server:
        log = tmp_path / f"images-{len(servers)}.log"
        with log.open("w") as stderr:
            process: Any = subprocess.Popen(
                [warm_python(), COMMAND, "images", root, "--port", "0", *flags],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=os.environ | {"COLUMNS": "200"},
            )
        servers.append(Server(process, [process.stdout.readline().strip() for _ in range(2)], log))
        return servers[-1]

    yield served
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait(SECONDS)
        if server.process.stdout is not None:
            server.process.stdout.close()
