"""Watching an events file while stages append to it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from labelcycle.pipelines.local.watch import Watcher


def watch(path: Path, *events: dict[str, Any], terminal: bool = False) -> tuple[Watcher, str]:
    """A watcher after these events, and what it showed."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=200)
    with Watcher(path, "cycle 3", console) as watcher, path.open("a") as file:
        for event in events:
            file.write(json.dumps(event) + "\n")
    return watcher, output.getvalue()


def test_facts_are_the_last_and_seconds_add_up(tmp_path: Path) -> None:
    watcher, shown = watch(
        tmp_path / "events",
        {"event": "finished", "stage": "embed", "seconds": 2.0, "facts": {"embedded": 5}},
        {"event": "finished", "stage": "embed", "seconds": 0.5, "facts": {"embedded": 0}},
    )
    assert watcher.facts == {"embed": {"embedded": 0}} and watcher.seconds == {"embed": 2.5}
    assert shown == ""


def test_notices_are_shown_as_they_are(tmp_path: Path) -> None:
    watcher, shown = watch(tmp_path / "events", {"event": "notice", "message": "[red]3 images[/red]"})
    assert watcher.notices == ["[red]3 images[/red]"]
    assert shown == "note: [red]3 images[/red]\n"


def test_the_first_error_counts(tmp_path: Path) -> None:
    errors = [{"event": "error", "message": text, "exit_code": code} for text, code in (("first", 2), ("second", 1))]
    assert watch(tmp_path / "events", *errors)[0].error == ("first", 2)


@pytest.mark.parametrize(
    ("code", "after"), [(1, "Another try would meet it again."), (2, "Run the same command again.")]
)
def test_an_error_that_nobody_foresaw_is_told_with_its_traceback(tmp_path: Path, code: int, after: str) -> None:
    crash = {"event": "crash", "stage": "embed", "message": "ValueError: a bug", "traceback": "Traceback\n  …\n"}
    watcher, _ = watch(tmp_path / "events", {**crash, "exit_code": code})
    text = f"embed broke off with ValueError: a bug. \nTraceback\n  …\nNothing committed is lost. {after}"
    assert watcher.error == (text, code)


def test_where_the_log_is_json_events_are_its_lines_and_nothing_else_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LABELCYCLE_LOG", "json")
    crash = {"event": "crash", "stage": "embed", "message": "a bug", "traceback": "Traceback", "exit_code": 1}
    events = [{"event": "notice", "message": "look", "campaign": "a"}, {"event": "arm", "done": 3}, crash]
    path = tmp_path / "events"
    with Watcher(path, "cycle 3") as watcher, path.open("a") as file:
        for event in events:
            file.write(json.dumps(event) + "\n")
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [(line["event"], line["campaign"]) for line in lines] == [("notice", "a"), ("arm", None), ("crash", None)]
    assert watcher.notices == ["look"]
    assert watcher.error is not None and "Traceback" not in watcher.error[0]


def test_progress_is_drawn_on_a_terminal(tmp_path: Path) -> None:
    event = {"event": "progress", "description": "embed", "done": 7, "total": 9, "unit": "image"}
    _, shown = watch(tmp_path / "events", {"event": "started", "stage": "embed"}, event, terminal=True)
    assert "cycle 3 · embed" in shown and "7/9" in shown


def test_a_line_that_is_not_complete_waits(tmp_path: Path) -> None:
    path = tmp_path / "events"
    line = json.dumps({"event": "notice", "message": "ü"}).encode() + b"\n"
    console = Console(file=io.StringIO())
    with Watcher(path, "cycle 0", console) as watcher, path.open("ab", buffering=0) as file:
        file.write(line[:10])
        watcher._take_new()
        assert watcher.notices == []
        file.write(line[10:])
    assert watcher.notices == ["ü"]
