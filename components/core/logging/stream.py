"""Text that is printed to standard error, line by line, in place of the stream itself."""

import io
import re
import threading
from collections.abc import Callable

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
