"""Watching a backtest: one bar over the cycles of all arms, and a line for each arm that ends."""

from pathlib import Path
from typing import Any

from labelcycle.pipelines.backtest.arm import PROGRESS
from labelcycle.pipelines.watch import Watcher


class ArmsWatcher(Watcher):
    """Counts the cycles of all arms together, because two or more arms run at once."""

    def __init__(self, path: Path, arms: int, cycles: int) -> None:
        super().__init__(path, "backtest")
        self._arms, self._cycles = arms, cycles
        self._done: dict[str, int] = {}
        self._ended = 0

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == PROGRESS:
            self._done[event["arm"]] = event["done"]
            self._ended += event["ended"]
            if event["ended"]:
                self._tell(event)
            self._show(f"{self._ended} of {self._arms} arms", sum(self._done.values()), self._arms * self._cycles)
        elif event["event"] not in ("started", "progress"):
            super()._take(event)

    def _tell(self, event: dict[str, Any]) -> None:
        if event["error"]:
            text = f"failed: {event['error']}"
        else:
            text = f"accuracy {event['accuracy']:.4f} with {event['labels']} labels"
        self._console.print(f"{event['title']}: {text}", markup=False, highlight=False)
