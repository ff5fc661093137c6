"""What a stage tells while it works: progress, notices, time taken, errors.

Where the environment variable `LABELCYCLE_EVENTS` names a file, each event is one JSON line appended to it. That is how
`labelcycle run` draws progress bars over stages that run as processes of their own. Elsewhere progress is a tqdm bar on
standard error, which stays readable in container logs.
"""

import functools
import inspect
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from tqdm import tqdm

from labelcycle.components.core.commits import attempt_key
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.timings import Meter, Timing, write_timing

EVENTS = "LABELCYCLE_EVENTS"
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def emit(event: str, **content: Any) -> None:
    """Append one event for whoever watches; without a watcher this does nothing."""
    if path := os.environ.get(EVENTS):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **content}) + "\n")


def notice(message: str) -> None:
    """Tell the user something that needs no action now but should be seen."""
    emit("notice", message=message)
    if EVENTS not in os.environ:
        print(message, file=sys.stderr)


def observed(run: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate a stage's `run` so that its start, its end with the seconds taken, and its errors are events.

    A run that works on an attempt, or names one in its result, leaves a record of what it took beside the attempt.
    """
    stage = run.__module__.split(".")[-2]
    signature = inspect.signature(run)

    @functools.wraps(run)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        emit("started", stage=stage, pid=os.getpid())
        meter = Meter()
        try:
            result = run(*args, **kwargs)
        except LabelcycleError as error:
            emit("error", stage=stage, message=str(error), exit_code=error.exit_code)
            _keep_timing(stage, _arguments(signature, args, kwargs), meter.read(), rows=None, failed=True)
            raise
        measured = meter.read()
        arguments = _arguments(signature, args, kwargs)
        for name in ("cycle", "attempt"):
            arguments.setdefault(name, getattr(result, name, None))
        _keep_timing(stage, arguments, measured, rows=getattr(result, "rows", None), failed=False)
        facts = result.as_metadata() if hasattr(result, "as_metadata") else {}
        emit("finished", stage=stage, seconds=measured["wall_seconds"], facts=facts)
        return result

    return wrapper


def _arguments(signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What `run` was called with, by name, defaults among them."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _keep_timing(
    stage: str, arguments: Mapping[str, Any], measured: Mapping[str, Any], rows: int | None, failed: bool
) -> None:
    """Write the record of a run that has an attempt; one that cannot be written is a notice, and costs no work."""
    root, cycle, attempt = (arguments.get(name) for name in ("root", "cycle", "attempt"))
    if root is None or cycle is None or not attempt:
        return
    place = {name: arguments[name] for name in ("target", "shard") if name in arguments}
    try:
        store = open_store(root)
        if failed and not store.exists(attempt_key(cycle, attempt, "decision.json")):
            return
        write_timing(store, cycle, attempt, Timing(stage=stage, rows=rows, failed=failed, **place, **measured))
    except (LabelcycleError, OSError) as error:
        notice(f"What {stage} of cycle {cycle} took is not recorded: {error}")


class Progress:
    """A counter towards a total, shown as a bar. Use as a context manager; several threads may count."""

    def __init__(self, description: str, total: int, unit: str) -> None:
        self._description, self._total, self._unit = description, total, unit
        self._done = 0
        self._told = 0.0
        self._lock = threading.Lock()
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> "Progress":
        if EVENTS not in os.environ:
            slow = 0.1 if sys.stderr.isatty() else 10.0
            self._bar = tqdm(total=self._total, desc=self._description, unit=self._unit, mininterval=slow, delay=1.0)
        return self

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more as done."""
        with self._lock:
            self._done += steps
            if self._bar is not None:
                self._bar.update(steps)
            elif time.monotonic() - self._told > 0.2 or self._done >= self._total:
                self._told = time.monotonic()
                emit("progress", description=self._description, done=self._done, total=self._total, unit=self._unit)

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()
