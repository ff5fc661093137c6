"""Makes standard error a log of JSON lines, whoever writes to it: this program, libraries, subprocesses."""

import atexit
import io
import logging
import os
import re
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from labelcycle.components.core.logging.events import emit, write_to
from labelcycle.components.core.logging.failures import report_failure

WARNINGS = "py.warnings"
"""The logger to which Python's logging hands warnings."""


class EventHandler(logging.Handler):
    """Emits each record as an event: `warning` if it is one of Python's warnings, else `log`."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        try:
            content = {"logger": record.name, "message": record.getMessage().strip()}
            if record.exc_info and record.exc_info[1] is not None:
                content["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
            emit("warning" if record.name == WARNINGS else "log", level=record.levelname.lower(), **content)
        except Exception:
            self.handleError(record)


_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class LineStream(io.TextIOBase):
    """A text stream that hands on each whole line; lines of several threads do not mix.

    Of a line that is drawn over with carriage returns, as progress bars are, the last state counts. Colours and empty
    lines are left out.
    """

    def __init__(self, take: Callable[[str], None]) -> None:
        super().__init__()
        self._take = take
        self._pending: dict[int, str] = {}

    def write(self, text: str, /) -> int:
        """Keep text until its line is whole."""
        thread = threading.get_ident()
        *lines, rest = (self._pending.pop(thread, "") + text).split("\n")
        for line in lines:
            self._hand_on(line)
        if rest:
            self._pending[thread] = _last_drawn(rest)
        return len(text)

    def writable(self) -> bool:
        """Yes."""
        return True

    def fileno(self) -> int:
        """That of standard error, for libraries that write there on their own."""
        return 2

    def finish(self) -> None:
        """Hand on what is left of lines that were never ended."""
        while self._pending:
            self._hand_on(self._pending.popitem()[1])

    def _hand_on(self, line: str) -> None:
        shown = _COLOURS.sub("", line).rstrip("\r").rpartition("\r")[2].rstrip()
        if shown:
            self._take(shown)


def _last_drawn(text: str) -> str:
    """What is left of a line that may be drawn over again: its last state, with the return that ends it."""
    end = "\r" if text.endswith("\r") else ""
    return text.removesuffix("\r").rpartition("\r")[2] + end


SECONDS = 0.2


class Capture:
    """Puts a temporary file in place of descriptor 2, and hands on each line that appears in it.

    A file rather than a pipe: whoever writes never waits for this process to read, nor ends when it is gone.
    """

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._ended = threading.Event()
        self._reading = threading.Lock()
        self._read = 0
        self._rest = b""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the process lives
        self.kept = os.dup(2)
        os.dup2(self._file.fileno(), 2)
        self._thread = threading.Thread(target=self._follow, name="standard error", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Put standard error back, and hand on what is left."""
        os.dup2(self.kept, 2)
        self._ended.set()
        self._thread.join()
        self.catch_up()
        self._hand_on(self._rest)
        self._file.close()

    def catch_up(self) -> None:
        """Hand on every line that is there."""
        with self._reading:
            while data := os.pread(self._file.fileno(), 65536, self._read):
                self._read += len(data)
                *lines, self._rest = (self._rest + data).split(b"\n")
                for line in lines:
                    self._hand_on(line)

    def _follow(self) -> None:
        while not self._ended.wait(SECONDS):
            self.catch_up()

    def _hand_on(self, line: bytes) -> None:
        if line.strip():
            self._take(line.decode(errors="backslashreplace").strip())


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
    """Emit now what code in C has written so far, so that it stands before the next event."""
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
    report_failure(error)


def _on_thread_exception(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None and not isinstance(failure.exc_value, SystemExit):
        report_failure(failure.exc_value)


def _on_unraisable(failure: Any) -> None:
    """An error in a finalizer, which ends nothing."""
    message = failure.err_msg or f"Exception ignored in {failure.object!r}"
    emit("log", level="warning", logger="sys.unraisablehook", message=f"{message}: {failure.exc_value!r}")
