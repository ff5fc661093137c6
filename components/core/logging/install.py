"""Makes standard error a log of JSON lines, whoever writes to it: this program, libraries, warnings, tracebacks."""

import atexit
import logging
import os
import sys
import threading
from types import TracebackType
from typing import Any

from labelcycle.components.core.logging.capture import Capture
from labelcycle.components.core.logging.descriptor import write_to
from labelcycle.components.core.logging.events import emit
from labelcycle.components.core.logging.failures import tell
from labelcycle.components.core.logging.handler import EventHandler
from labelcycle.components.core.logging.stream import LineStream

NO_BARS = {"TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
"""What keeps libraries from drawing progress bars."""

_installed = False
_capture: Capture | None = None


def write_json_logs() -> None:
    """Turn this process's standard error into JSON lines, for good; a second call changes nothing.

    Text that code in C writes there is lost where the process is killed before it is read, a fifth of a second later.
    """
    global _installed
    if _installed:
        return
    _installed = True
    for name, value in NO_BARS.items():
        os.environ.setdefault(name, value)
    _capture_descriptor()
    stream = LineStream(_print)
    sys.stderr = stream
    atexit.register(stream.finish)
    root = logging.getLogger()
    root.handlers[:] = [EventHandler()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _on_exception
    threading.excepthook = _on_thread_exception
    sys.unraisablehook = _on_unraisable


def catch_up() -> None:
    """Tell now what code in C has written so far, so that it stands before the next event."""
    if _capture is not None:
        _capture.catch_up()


def _capture_descriptor() -> None:
    """Without room for a temporary file, what code in C writes stays as it is."""
    global _capture
    try:
        _capture = Capture(_print)
    except OSError:
        return
    write_to(_capture.kept)
    atexit.register(_release_descriptor, _capture)


def _release_descriptor(capture: Capture) -> None:
    global _capture
    _capture = None
    capture.stop()
    write_to(2)


def _print(line: str) -> None:
    emit("output", message=line)


def _on_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    tell(error)


def _on_thread_exception(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None and not isinstance(failure.exc_value, SystemExit):
        tell(failure.exc_value)


def _on_unraisable(failure: Any) -> None:
    """An error in a finalizer, which ends nothing."""
    message = failure.err_msg or f"Exception ignored in {failure.object!r}"
    emit("log", level="warning", logger="sys.unraisablehook", message=f"{message}: {failure.exc_value!r}")
