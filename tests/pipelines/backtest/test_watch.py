"""What a running backtest tells: one bar for all arms, and a line for each that ends."""

import io
import json
from pathlib import Path

from rich.console import Console

from labelcycle.pipelines.backtest.local import ArmsWatcher


def test_arms_are_counted_together(tmp_path: Path) -> None:
    screen = io.StringIO()
    events = tmp_path / "events.jsonl"
    watcher = ArmsWatcher(events, arms=2, cycles=3)
    watcher._console.file = screen
    ended = {"labels": 24, "accuracy": 0.75, "error": ""}
    with watcher:
        lines = [
            {"event": "started", "stage": "backtest", "pid": 1},
            {"event": "arm", "arm": "a", "title": "random, seed 0", "done": 1, "ended": False},
            {"event": "progress", "description": "train", "done": 1, "total": 5, "unit": "epoch"},
            {"event": "arm", "arm": "b", "title": "entropy, seed 0", "done": 2, "ended": False},
            {"event": "arm", "arm": "a", "title": "random, seed 0", "done": 3, "ended": True, **ended},
        ]
        events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    task = watcher._progress.tasks[0]
    assert (task.description, task.completed, task.total) == ("backtest · 1 of 2 arms", 5, 6)
    assert screen.getvalue() == "random, seed 0: accuracy 0.7500 with 24 labels\n"


def test_failures_are_told(tmp_path: Path) -> None:
    screen = io.StringIO()
    watcher = ArmsWatcher(tmp_path / "events.jsonl", arms=1, cycles=3)
    watcher._console = Console(file=screen)
    watcher._report({"title": "random, seed 0", "error": "no luck [at all]"})
    assert screen.getvalue() == "random, seed 0: failed: no luck [at all]\n"
