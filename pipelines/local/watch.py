"""Watching a run: the events that stages append to a file become progress bars, notices and facts.

Where the log is JSON they become its lines, and nothing else is shown.
"""

import json
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from labelcycle.components.core.errors import printable
from labelcycle.components.core.logging.events import json_logs, relay
from labelcycle.components.core.logging.failures import TRY_AGAIN


class Watcher:
    """Reads an events file while it grows. Use as a context manager around the run.

    Attributes:
        path: the file.
        facts: what each finished stage reported, by stage; of a stage that ran twice, the last.
        seconds: time that each stage's own work took, summed over its runs.
        error: message and exit code of the first error that ended a stage, or None.
        notices: everything the user should see, in order.
    """

    def __init__(self, path: Path, title: str, console: Console | None = None) -> None:
        self.path, self._title, self._read = path, title, 0
        self._in_json = json_logs()
        self._console = console or Console(file=sys.stderr, quiet=self._in_json)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self.facts: dict[str, dict[str, object]] = {}
        self.seconds: dict[str, float] = {}
        self.error: tuple[str, int] | None = None
        self.notices: list[str] = []

    def __enter__(self) -> "Watcher":
        self.path.touch()
        self._progress.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._take_new()
        self._progress.stop()

    def _follow(self) -> None:
        while not self._stop.wait(0.1):
            self._take_new()

    def _take_new(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                event = json.loads(line)
                if self._in_json:
                    relay(event)
                self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "started":
            self._show(event["stage"], 0, None)
        elif kind == "progress":
            self._show(event["description"], event["done"], event["total"])
        elif kind == "finished":
            stage = event["stage"]
            self.facts[stage] = event["facts"]
            self.seconds[stage] = self.seconds.get(stage, 0.0) + event["seconds"]
        elif kind == "notice":
            self.notices.append(event["message"])
            self._console.print(f"note: {printable(event['message'])}", markup=False, highlight=False)
        elif kind in ("error", "crash") and self.error is None:
            self.error = (event["message"] if kind == "error" else self._fault(event), event["exit_code"])

    def _fault(self, event: dict[str, Any]) -> str:
        """What to say of an error that nobody foresaw; the log has its traceback already where it is JSON."""
        after = "Nothing committed is lost. "
        after += (
            "Run the same command again." if event["exit_code"] == TRY_AGAIN else "Another try would meet it again."
        )
        trace = "" if self._in_json else f"\n{event['traceback'].rstrip()}\n"
        return f"{event['stage']} broke off with {event['message'].rstrip('.')}. {trace}{after}"

    def _show(self, description: str, done: int, total: int | None) -> None:
        text = f"{self._title} · {description}"
        if self._task is None or self._progress.tasks[0].description != text:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(text, total=total, completed=done)
        else:
            self._progress.update(self._task, total=total, completed=done)
