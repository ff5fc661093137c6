"""The time that a stage may take, kept by its own process.

A pod's deadline counts the pulling of the image as well, so an engine gives the pod more time than the stage.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.logging.events import EVENTS, json_logs
from labelcycle.components.core.logging.failures import report_failure

VARIABLE = "LABELCYCLE_STAGE_SECONDS"
"""The environment variable with the seconds that the stage of this process may take; without it there is no end."""

REPORT_SECONDS = 5.0
"""How long reporting why may take: what else in the process writes to the log may hold it up for ever."""

STANDARD_ERROR = 2


class StageTimeError(TransientError):
    """A stage has used up its time. What it has written is kept, and another run goes on from there."""


def name_in_profiles(module: str) -> str:
    """What profiles call the stage whose `run` is in a module.

    `labelcycle.components.embed.stage` has `embed`, `labelcycle.pipelines.backtest.arm` has `backtest_arm`.
    """
    _, folder, file = module.rsplit(".", 2)
    return folder if file == "stage" else f"{folder}_{file}"


@contextmanager
def stage_deadline(stage: str) -> Iterator[None]:
    """End this process and its children where what is inside takes longer than `LABELCYCLE_STAGE_SECONDS`.

    The process ends with exit code 2 and a message, whatever it is doing: in code of a library no exception would be
    noticed. That costs the work since the last part was written, as every kill does, and nothing else.

    Args:
        stage: its name, for the message.

    Raises:
        ConfigurationError: the variable is no number of seconds above 0.
    """
    seconds = _seconds()
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, _end_process, [StageTimeError(_message(stage, seconds))])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _seconds() -> int | None:
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return None
    if not given.isdecimal() or not 0 < int(given) <= threading.TIMEOUT_MAX:
        raise ConfigurationError(f"{VARIABLE} is {given!r}. Set it to whole seconds above 0, or leave it out.")
    return int(given)


def _message(stage: str, seconds: int) -> str:
    return (
        f"Stage {stage} has taken the {seconds} s that it may take, and was ended. Nothing that it wrote is lost, and "
        f"another try goes on from there. If that does not suffice raise timeout_seconds of {stage} in the profile"
        + (", or use more shards." if stage in ("embed", "score") else ".")
    )


def _end_process(error: StageTimeError) -> None:
    report = threading.Thread(target=_report, args=[error], daemon=True)
    report.start()
    report.join(REPORT_SECONDS)
    for process in _descendants():
        try:
            os.kill(process, signal.SIGKILL)
        except OSError:  # it has ended
            continue
    os._exit(error.exit_code)


def _report(error: StageTimeError) -> None:
    """As an event where somebody reads these, else as the command line prints errors."""
    report_failure(error)
    if EVENTS not in os.environ and not json_logs():
        os.write(STANDARD_ERROR, f"error: {error}\n".encode())


def _descendants() -> list[int]:
    """Processes that this one has started, and those that they have started, such as workers that load images."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):  # it has ended
            continue
    found = {process.pid for process in multiprocessing.active_children() if process.pid is not None}
    above = found | {os.getpid()}
    while below := {process for process, parent in parents.items() if parent in above} - found:
        found |= below
        above = below
    return sorted(found)
