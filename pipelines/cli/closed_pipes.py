"""Output whose reader has gone, as `head -1` does: what is printed then is lost, and the work goes on."""

import io
import os
import sys
from typing import Any


class _Outliving(io.FileIO):
    """A descriptor that becomes the null device as soon as nobody reads it."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())
            os.close(nothing)
            return len(data)


def outlive_readers() -> None:
    """Let standard output and standard error of this process, and of those it starts later, outlive their readers.

    It is for commands that write more than they print.
    """
    sys.stdout, sys.stderr = _outliving(sys.stdout), _outliving(sys.stderr)


def _outliving(stream: Any) -> Any:
    try:
        stream.flush()
        raw = _Outliving(stream.fileno(), "w", closefd=False)
    except (OSError, ValueError, AttributeError):  # no descriptor of a process, or closed
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=stream.encoding, errors=stream.errors, line_buffering=stream.line_buffering
    )
