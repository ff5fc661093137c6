"""The descriptor that log lines are written to: standard error, or what it was before it was captured."""

import os
import threading

_descriptor = 2
_lock = threading.Lock()


def write_line(line: str) -> None:
    """Write a line as a whole. That nobody reads standard error any more is no error of the work."""
    data = line.encode()
    try:
        with _lock:
            while data:
                data = data[os.write(_descriptor, data) :]
    except OSError:
        pass


def write_to(descriptor: int) -> None:
    """Write all further lines to another descriptor."""
    global _descriptor
    _descriptor = descriptor


def _new_lock() -> None:
    """A process that was forked while a line was being written would wait for its lock for ever."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_new_lock)
