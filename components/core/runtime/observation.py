"""What a stage reports while it works: progress, notices, time taken, errors.

Where the environment variable `LABELCYCLE_EVENTS` names a file, each event is one JSON line appended to it. That is how
`labelcycle run` draws progress bars over stages that run as processes of their own. Elsewhere events are lines of the
log where `LABELCYCLE_LOG` is `json`, and else progress is a tqdm bar on standard error, which stays readable in
container logs. A log line never fails a stage: what a root cannot say about its work is None.
"""

import bisect
import functools
import inspect
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from labelcycle.components.core.campaign.commits import attempt_key
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.logging.events import (
    EVENTS,
    LogContext,
    emit,
    json_logs,
    log_context,
    notice,
    set_log_context,
)
from labelcycle.components.core.logging.failures import report_failure
from labelcycle.components.core.logging.json_logs import catch_up, write_json_logs
from labelcycle.components.core.runtime.stage_deadline import name_in_profiles, stage_deadline
from labelcycle.components.core.runtime.timings import Measurement, Meter, Timing, write_timing
from labelcycle.components.core.storage import Store, open_store

if TYPE_CHECKING:
    from tqdm import tqdm


def campaign_at(root: str) -> str | None:
    """The identifier of the campaign at a root.

    Cost: one small read.
    """
    from labelcycle.components.core.campaign.campaign import load_campaign

    try:
        return load_campaign(open_store(root)).identifier
    except Exception:  # the work itself reports what is wrong with the root
        return None


def next_cycle_at(root: str) -> int | None:
    """The first cycle that is not committed.

    Cost: about twice log2 of their number questions to the store, none of which reads or lists anything.
    """
    try:
        return _first_missing(open_store(root))
    except Exception:  # as above
        return None


def _first_missing(store: Store) -> int:
    from labelcycle.components.core.campaign.commits import commit_key

    def is_missing(cycle: int) -> bool:
        return not store.exists(commit_key(cycle))

    bound = 1
    while not is_missing(bound - 1):
        bound *= 2
    return bisect.bisect_left(range(bound), True, lo=bound // 2, key=is_missing)


__all__ = ["EVENTS", "Progress", "emit", "notice", "observed"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

BAR_SECONDS, LOG_SECONDS = 0.2, 10.0
"""How often at most progress is reported: to somebody who looks at a bar, and in a log."""


def observed(run: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Decorate a stage's `run` so that its start, its end with what it took, and its errors are events.

    Where the environment gives the stage a time, it keeps to it.

    A run that works on an attempt, or names one in its result, leaves a record of what it took beside the attempt.
    """
    stage = run.__module__.split(".")[-2]
    signature = inspect.signature(run)

    @functools.wraps(run)
    def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        in_json = json_logs()
        if in_json:
            write_json_logs()
        outer = log_context()
        set_log_context(stage=stage, **_context_of(stage, _arguments(signature, args, kwargs), look_up=in_json))
        emit("started", pid=os.getpid())
        meter = Meter()
        try:
            with stage_deadline(name_in_profiles(run.__module__)):
                result = run(*args, **kwargs)
        except (Exception, KeyboardInterrupt) as error:
            catch_up()
            report_failure(error)
            if isinstance(error, LabelcycleError):
                _keep_timing(stage, _arguments(signature, args, kwargs), meter.read(), rows=None, failed=True)
            _restore_context(outer)
            raise
        measured = meter.read()
        arguments = _arguments(signature, args, kwargs)
        for name in ("cycle", "attempt"):
            arguments.setdefault(name, getattr(result, name, None))
        set_log_context(**{name: arguments[name] for name in ("cycle", "attempt") if arguments[name] is not None})
        rows = getattr(result, "rows", None)
        _keep_timing(stage, arguments, measured, rows=rows, failed=False)
        facts = result.as_record() if hasattr(result, "as_record") else {}
        catch_up()
        emit(
            "finished",
            seconds=measured["wall_seconds"],
            rows=rows,
            cpu_seconds=measured["cpu_seconds"],
            gpu_seconds=measured["gpu_seconds"],
            peak_memory_bytes=measured["peak_memory_bytes"],
            bytes_read=measured["bytes_read"],
            bytes_written=measured["bytes_written"],
            requests=measured["requests"],
            facts=facts,
        )
        _restore_context(outer)
        return result

    return wrapper


def _context_of(stage: str, arguments: Mapping[str, Any], look_up: bool) -> LogContext:
    """What a run belongs to, as known at its start; what its arguments lack is looked up where it is needed."""
    known = {name: arguments.get(name) for name in ("cycle", "attempt", "target", "shard")}
    root = arguments.get("root")
    if look_up and root is not None:
        known["campaign"] = log_context()["campaign"] or campaign_at(root)
        if stage == "label_ingest":
            known["cycle"] = next_cycle_at(root)
    return known


def _restore_context(outer: LogContext) -> None:
    """A stage within another one gives the context back; what a process does after its stage still belongs to it."""
    if outer["stage"] is not None and outer["command"] is None:
        set_log_context(**outer)


def _arguments(signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What `run` was called with, by name, defaults among them."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _keep_timing(
    stage: str, arguments: Mapping[str, Any], measured: Measurement, rows: int | None, failed: bool
) -> None:
    """Write the record of a run that has an attempt; one that cannot be written is a notice, and costs no work."""
    root, cycle, attempt = (arguments.get(name) for name in ("root", "cycle", "attempt"))
    if root is None or cycle is None or not attempt:
        return
    part = {name: arguments[name] for name in ("target", "shard") if name in arguments}
    try:
        store = open_store(root)
        if failed and not store.exists(attempt_key(cycle, attempt, "decision.json")):
            return
        write_timing(store, cycle, attempt, Timing(stage=stage, rows=rows, failed=failed, **part, **measured))
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
        in_json = json_logs()
        self._seconds = LOG_SECONDS if in_json else BAR_SECONDS
        if EVENTS not in os.environ and not in_json:
            from tqdm import tqdm

            slow = 0.1 if sys.stderr.isatty() else 10.0
            self._bar = tqdm(total=self._total, desc=self._description, unit=self._unit, mininterval=slow, delay=1.0)
        return self

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more as done."""
        with self._lock:
            self._done += steps
            if self._bar is not None:
                self._bar.update(steps)
            elif time.monotonic() - self._told > self._seconds or self._done >= self._total:
                self._told = time.monotonic()
                self._report()

    def _report(self) -> None:
        emit(
            "progress",
            message=f"{self._description}: {self._done} of {self._total}",
            description=self._description,
            done=self._done,
            total=self._total,
            unit=self._unit,
        )

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()
