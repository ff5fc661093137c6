"""A store that counts its requests, and how many of them are waited for at the same time."""

import threading
import time
from collections import Counter
from pathlib import Path

from labelcycle.components.core.storage import Store

ANSWER_SECONDS = 0.002
"""Each answer takes so long, so that reads which are made at once meet."""


class RecordingStore:
    """Hands everything on to another store.

    Attributes:
        requests: how many, by the name of the method.
        keys_read: how often each object was read.
        together: the most requests that were under way at one time.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.requests: Counter[str] = Counter()
        self.keys_read: Counter[str] = Counter()
        self.together = self._under_way = 0
        self._lock = threading.Lock()

    @property
    def root(self) -> str:
        return self.store.root

    def read(self, key: str) -> bytes:
        self._count("read", key)
        try:
            return self.store.read(key)
        finally:
            with self._lock:
                self._under_way -= 1

    def _count(self, name: str, key: str) -> None:
        with self._lock:
            self.requests[name] += 1
            self.keys_read[key] += 1
            self._under_way += 1
            self.together = max(self.together, self._under_way)
        time.sleep(ANSWER_SECONDS)

    def write(self, key: str, data: bytes) -> None:
        self.requests["write"] += 1
        self.store.write(key, data)

    def write_if_absent(self, key: str, data: bytes) -> bool:
        self.requests["write"] += 1
        return self.store.write_if_absent(key, data)

    def upload(self, path: Path, key: str) -> None:
        self.requests["write"] += 1
        self.store.upload(path, key)

    def fetch(self, key: str) -> Path:
        self.requests["fetch"] += 1
        return self.store.fetch(key)

    def exists(self, key: str) -> bool:
        self.requests["exists"] += 1
        return self.store.exists(key)

    def keys(self, prefix: str) -> list[str]:
        self.requests["keys"] += 1
        return self.store.keys(prefix)

    def written(self, prefix: str) -> dict[str, float]:
        self.requests["written"] += 1
        return self.store.written(prefix)

    def folders(self, prefix: str) -> list[str]:
        self.requests["folders"] += 1
        return self.store.folders(prefix)

    def locate(self, key: str) -> str:
        return self.store.locate(key)
