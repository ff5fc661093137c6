"""Where events go, and what a line has that was told by another process."""

import json
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.logging.events import EVENTS, emit, notice, relay, within


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is JSON, and nobody watches."""
    monkeypatch.delenv(EVENTS, raising=False)
    monkeypatch.setenv("LABELCYCLE_LOG", "json")


def lines(capture: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capture.readouterr().err.splitlines()]


def test_a_line_says_what_it_is_about(log: None, capfd: pytest.CaptureFixture[str]) -> None:
    with within(campaign="digits-7915ee41", cycle=3, stage="embed"):
        emit("started", pid=7)
    (line,) = lines(capfd)
    assert (line["campaign"], line["cycle"], line["stage"], line["pid"]) == ("digits-7915ee41", 3, "embed", 7)
    assert (line["level"], line["message"]) == ("info", "embed: started")
    assert line["time"].endswith("Z") and "T" in line["time"]


def test_notices_are_lines_too(log: None, capfd: pytest.CaptureFixture[str]) -> None:
    notice("look")
    (line,) = lines(capfd)
    assert (line["event"], line["level"], line["message"]) == ("notice", "warning", "look")


def test_a_watcher_has_them_instead(
    log: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(EVENTS, str(tmp_path / "events"))
    notice("look")
    assert json.loads((tmp_path / "events").read_text())["message"] == "look"
    assert capfd.readouterr().err == ""


def test_what_another_process_did_not_know_is_filled_in(log: None, capfd: pytest.CaptureFixture[str]) -> None:
    with within(command="run", campaign="mine", cycle=9):
        relay({"event": "started", "cycle": 3, "campaign": None})
    (line,) = lines(capfd)
    assert (line["command"], line["campaign"], line["cycle"]) == ("run", "mine", 3)


def test_nothing_is_told_where_the_log_is_text(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(EVENTS, raising=False)
    monkeypatch.delenv("LABELCYCLE_LOG", raising=False)
    emit("started")
    assert capfd.readouterr().err == ""
