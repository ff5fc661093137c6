"""Names with escape sequences do not steer the terminal: in errors, notices and notes of a run."""

import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.pipelines.cli import main
from labelcycle.pipelines.local.watch import Watcher

EVIL = "cat\x1b[2J\x1b]0;title\x07.png"
SHOWN = r"cat\x1b[2J\x1b]0;title\x07.png"


def test_errors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise InputError(f"{EVIL} is unknown.\nRemove it.")

    monkeypatch.setattr(main, "_asked_for", lambda: refuse)
    monkeypatch.setattr(sys, "argv", ["labelcycle"])
    with pytest.raises(SystemExit):
        main.main()
    assert capsys.readouterr().err == f"error: {SHOWN} is unknown.\nRemove it.\n"


def test_notices(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("LABELCYCLE_EVENTS", raising=False)
    notice(f"{EVIL} is left out")
    assert capsys.readouterr().err == f"{SHOWN} is left out\n"


def test_notes_of_a_run(tmp_path: Path) -> None:
    screen = io.StringIO()
    with Watcher(tmp_path / "events.jsonl", "cycle", Console(file=screen, width=200)):
        (tmp_path / "events.jsonl").write_text(json.dumps({"event": "notice", "message": f"{EVIL} is left out"}) + "\n")
    assert screen.getvalue() == f"note: {SHOWN} is left out\n"
