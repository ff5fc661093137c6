"""What stages tell: events where a watcher listens, standard error elsewhere."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import InputError, TransientError
from labelcycle.components.core.logging.events import FIELDS
from labelcycle.components.core.runtime.observation import EVENTS, Progress, emit, notice, observed


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a watcher listens to."""
    path = tmp_path / "events.jsonl"
    path.touch()
    monkeypatch.setenv(EVENTS, str(path))
    return path


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens."""
    monkeypatch.delenv(EVENTS, raising=False)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@dataclass
class Facts:
    value: int

    def as_record(self) -> dict[str, Any]:
        return {"value": self.value}


@observed
def run(value: int) -> Facts:
    """A stage; it fails for negative values."""
    if value == -1:
        raise TransientError("come again")
    if value == -3:
        raise MemoryError
    if value < 0:
        raise ValueError("a bug")
    return Facts(value)


def test_events_are_lines_of_json(events: Path) -> None:
    emit("one", text="ü\n")
    emit("two", level="warning")
    one, two = read(events)
    assert (one["event"], one["level"], one["text"]) == ("one", "info", "ü\n")
    assert (two["event"], two["level"]) == ("two", "warning")
    assert set(FIELDS) < set(one) and one["time"].endswith("Z")


def test_without_a_watcher_nothing_is_written(alone: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    emit("one")
    assert list(tmp_path.iterdir()) == []


def test_a_stage_tells_start_end_and_facts(events: Path) -> None:
    assert run(3) == Facts(3)
    started, finished = read(events)
    assert started["event"] == "started" and started["pid"] > 0
    assert finished["event"] == "finished" and finished["facts"] == {"value": 3} and finished["seconds"] >= 0


def test_an_error_is_told_and_raised(events: Path) -> None:
    with pytest.raises(TransientError):
        run(-1)
    error = read(events)[-1]
    assert (error["event"], error["message"], error["exit_code"]) == ("error", "come again", 2)


@pytest.mark.parametrize(
    ("value", "error", "code"), [(-2, ValueError, 1), (-3, MemoryError, 2)], ids=["a bug", "no memory"]
)
def test_an_error_that_nobody_foresaw_is_told_with_its_traceback(
    events: Path, value: int, error: type[Exception], code: int
) -> None:
    with pytest.raises(error):
        run(value)
    crash = read(events)[-1]
    assert (crash["event"], crash["level"], crash["exit_code"]) == ("crash", "critical", code)
    assert crash["error"] == error.__name__ and "in run" in crash["traceback"]


def test_a_stage_within_a_stage_gives_its_place_back(events: Path) -> None:
    def work(cycle: int) -> Facts:
        run(1)
        emit("between")
        return Facts(2)

    observed(work)(cycle=7)
    told = [(event["event"], event["cycle"]) for event in read(events)]
    assert told == [("started", 7), ("started", None), ("finished", None), ("between", 7), ("finished", 7)]


def test_the_stage_is_the_folder_of_its_module(events: Path) -> None:
    from labelcycle.components.label_ingest.stage import run as label_ingest

    with pytest.raises(InputError.__base__):
        label_ingest(str(events.parent / "nowhere"))
    assert {event["stage"] for event in read(events)} == {"label_ingest"}


def test_notices_go_to_the_watcher_or_to_standard_error(
    events: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notice("for the watcher")
    monkeypatch.delenv(EVENTS)
    notice("for the terminal")
    assert [(event["event"], event["message"]) for event in read(events)] == [("notice", "for the watcher")]
    assert capsys.readouterr().err == "for the terminal\n"


def test_progress_is_told_now_and_then_and_always_at_the_end(events: Path) -> None:
    with Progress("embed", 1000, "image") as progress:
        for _ in range(1000):
            progress.advance()
    told = read(events)
    last = {name: told[-1][name] for name in ("event", "description", "done", "total", "unit")}
    assert last == {"event": "progress", "description": "embed", "done": 1000, "total": 1000, "unit": "image"}
    assert len(told) < 100


def test_a_log_has_progress_seldom_and_no_bar(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(EVENTS, raising=False)
    monkeypatch.setenv("LABELCYCLE_LOG", "json")
    with Progress("embed", 1000, "image") as progress:
        for _ in range(1000):
            progress.advance()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert {line["event"] for line in lines} == {"progress"} and lines[-1]["done"] == 1000
    assert lines[-1]["message"] == "embed: 1000 of 1000"
    assert len(lines) <= 3


def test_short_work_shows_no_bar(alone: None, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("embed", 2, "image") as progress:
        progress.advance(2)
    assert capsys.readouterr().err == ""
