"""`labelcycle label` as a process: its address, a kill, and how it ends."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Bench
from tests.installed_command import COMMAND
from tests.warm_start import warm_python

SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A process, and the address that it printed."""

    process: Any
    address: str

    def ask(self, path: str, body: Any = None) -> Any:
        """What it answers, read from JSON."""
        parts = urlsplit(self.address)
        headers = {"Origin": f"{parts.scheme}://{parts.netloc}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(
            urllib.request.Request(self.address + path, data, headers), timeout=SECONDS
        ) as answer:
            return json.load(answer)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A function: root and flags → the page's server; all are ended after the test."""
    processes: list[Any] = []

    def started(root: str, *flags: str) -> Server:
        with (tmp_path / f"label-{len(processes)}.log").open("w") as log:
            process = subprocess.Popen(
                [warm_python(), COMMAND, "label", root, "--port", "0", *flags],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"COLUMNS": "200"},
            )
        processes.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return Server(process, process.stdout.readline().split()[1])

    yield started
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        process.stdout.close()


def test_a_kill_loses_no_answer_and_another_start_goes_on(start: Callable[..., Server], bench: Bench) -> None:
    first = start(bench.root)
    task = first.ask("api/task")["task"]
    shown = first.ask(
        "api/answer", {**{name: task[name] for name in ("cycle", "sample_id")}, "label": "red", "status": "ok"}
    )
    first.process.send_signal(signal.SIGKILL)
    assert first.process.wait(SECONDS) == -signal.SIGKILL
    assert task["sample_id"] in (Path(bench.root) / "queries/cycle-0000.csv").read_text()
    second = start(bench.root)
    assert second.address != first.address and len(urlsplit(second.address).path) > 20
    again = second.ask("api/task")
    assert again["task"] == shown["task"] and again["progress"]["answered"] == 1
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(SECONDS) == 0
    assert second.process.stdout.read().splitlines()[1] == f"next: labelcycle label {bench.root}"
