"""What code outside of Python writes to standard error: libraries in C, and processes without a log of their own."""

import os
import tempfile
import threading
from collections.abc import Callable

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
