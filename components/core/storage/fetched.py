"""What was fetched from a store and may be wanted again, kept by key and digest, so that nothing is fetched twice.

What a digest names never changes, so what is kept stays right. Of objects in memory those used longest ago are given up
where they would take more than the bound; files lie in the store's own folder and are kept by their place alone.
"""

import threading
import weakref
from collections import OrderedDict
from pathlib import Path

from labelcycle.components.core.storage.store import Store

BOUND = 256 * 1024 * 1024
"""Bytes of all objects that are kept in memory for one store."""


class Fetched:
    """Objects of one store, by key and SHA-256; good for several threads."""

    def __init__(self, bound: int = BOUND) -> None:
        """Keep no more than so many bytes."""
        self._bound = bound
        self._contents: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._files: dict[tuple[str, str], tuple[Path, tuple[int, int, int]]] = {}
        self._lock = threading.Lock()
        self.size = 0

    def content(self, key: str, sha256: str) -> bytes | None:
        """What is kept of an object; None for nothing."""
        with self._lock:
            found = self._contents.get((key, sha256))
            if found is not None:
                self._contents.move_to_end((key, sha256))
            return found

    def keep(self, key: str, sha256: str, data: bytes) -> None:
        """Keep an object's content, if it is within the bound."""
        with self._lock:
            if len(data) > self._bound or (key, sha256) in self._contents:
                return
            self._contents[key, sha256] = data
            self.size += len(data)
            while self.size > self._bound:
                self.size -= len(self._contents.popitem(last=False)[1])

    def file(self, key: str, sha256: str) -> Path | None:
        """The file with an object's content; None where there is none, or it was touched since."""
        with self._lock:
            path, state = self._files.get((key, sha256), (None, None))
        return path if path is not None and _state_of(path) == state else None

    def keep_file(self, key: str, sha256: str, path: Path) -> None:
        """Remember where an object's content is, and how the file is."""
        state = _state_of(path)
        if state is not None:
            with self._lock:
                self._files[key, sha256] = path, state


_kept: "weakref.WeakKeyDictionary[Store, Fetched]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def fetched_from(store: Store) -> Fetched:
    """What was fetched through this store object; it lives as long as that."""
    with _lock:
        return _kept.setdefault(store, Fetched())


def _state_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
