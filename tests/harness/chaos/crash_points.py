"""A process that kills itself at one of its writes to the store, at one of the moments of that write.

The moments of a write to a folder: before it; with half of the temporary file written; with all of it written and the
name not given yet; right after the name was given. On S3: before the request; with half of the body sent; right after
the answer came.
"""

import json
import os
import re
import signal
import socket
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from labelcycle.components.core.storage.folder import FolderStore
from labelcycle.components.core.storage.s3 import S3Store

FOLDER_MOMENTS = ("before", "torn", "unnamed", "after")
S3_MOMENTS = ("before", "torn", "after")
WRITES = ("write", "write_if_absent", "upload")


@dataclass(frozen=True)
class CrashPoint:
    """A write, and the moment of it.

    Attributes:
        moment: of the write.
        write: which of the process's writes, counted from 1; 0 where the key says it.
        key: the key that is written for the first time by the process, as `plain_key` has it.
    """

    moment: str
    write: int = 0
    key: str = ""

    def __str__(self) -> str:
        return f"{self.moment} the write of {self.key}" if self.key else f"{self.moment} write {self.write}"


def plain_key(key: str) -> str:
    """A key without what differs from run to run: the digests of the timings, which are never the same."""
    return re.sub(r"(/timings/.*)-[0-9a-f]{12}\.json$", r"\1.json", key)


def die() -> None:
    """SIGKILL to the whole process group, this process among them."""
    os.killpg(0, signal.SIGKILL)
    threading.Event().wait()


fsync = os.fsync


class Writes:
    """Counts the writes of this process, notes each in a file, and ends the process at the crash point.

    Args:
        log: the file; a JSON line for each write.
        point: where to crash; None for nowhere.
    """

    def __init__(self, log: Path, point: CrashPoint | None = None) -> None:
        self._log, self._point = log, point
        self._count = 0
        self._lock = threading.Lock()
        self._armed = threading.local()

    def watch(self) -> None:
        """Watch every store of this process from now on."""
        for kind in (FolderStore, S3Store):
            for name in WRITES:
                setattr(kind, name, self._watched(getattr(kind, name), kind is S3Store))
        for owner, name, moments in (
            (os, "fsync", ("torn", "unnamed")),
            (os, "link", ("after",)),
            (Path, "replace", ("after",)),
        ):
            setattr(owner, name, self._dying_in(getattr(owner, name), moments))

    def _watched(self, write: Callable[..., Any], on_s3: bool) -> Callable[..., Any]:
        def watched(store: Any, *arguments: Any) -> Any:
            with self._lock:
                self._count += 1
                number = self._count
            key = plain_key(next(one for one in arguments if isinstance(one, str)))
            self._note(number, key)
            moment = self._point.moment if self._point and self._here(self._point, number, key) else None
            if moment == "before":
                die()
            if moment == "torn" and on_s3:
                store._client.meta.events.register("before-send.s3", _send_half)
            self._armed.moment = moment
            try:
                result = write(store, *arguments)
            finally:
                self._armed.moment = None
            if moment is not None:
                die()
            return result

        return watched

    def _here(self, point: CrashPoint, number: int, key: str) -> bool:
        return point.write == number or (bool(point.key) and point.key == key)

    def _dying_in(self, call: Callable[..., Any], moments: tuple[str, ...]) -> Callable[..., Any]:
        """`call`, within which the armed write dies: before it where the write is torn or unnamed, else after it."""

        def dying(*arguments: Any, **settings: Any) -> Any:
            moment = getattr(self._armed, "moment", None)
            if moment not in moments or (call is fsync and not _is_file(arguments[0])):
                return call(*arguments, **settings)
            if moment == "torn":
                os.truncate(f"/proc/self/fd/{arguments[0]}", os.fstat(arguments[0]).st_size // 2)
            if moment == "after":
                call(*arguments, **settings)
            return die()

        return dying

    def _note(self, number: int, key: str) -> None:
        with self._log.open("a") as file:
            file.write(json.dumps({"write": number, "key": key}) + "\n")


def _is_file(descriptor: int) -> bool:
    """Folders are forced to disk as well, before and after."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _send_half(request: Any, **_: Any) -> None:
    """Send the request with half of its body, and die."""
    address = urlsplit(request.url)
    body = request.body or b""
    data = body if isinstance(body, bytes) else body.read()
    head = [f"{request.method} {address.path}?{address.query} HTTP/1.1", f"Host: {address.netloc}"]
    for name, value in request.headers.items():
        head.append(f"{name}: {value.decode() if isinstance(value, bytes) else value}")
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode() + data[: len(data) // 2])
        die()
