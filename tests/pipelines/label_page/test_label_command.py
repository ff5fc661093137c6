"""`labelcycle label` as a process: its address, a kill, and how it ends."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Bench
from tests.pipelines.label_page.label_server import SECONDS, Server, starting


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    with starting(tmp_path) as started:
        yield started


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
    _, awaited, following = second.process.stdout.read().splitlines()
    assert awaited == "labels are still awaited: 1 of 8 answers are there, 8 are wanted"
    assert following == f"next: labelcycle label {bench.root}"
