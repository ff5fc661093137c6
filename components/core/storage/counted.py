"""A store that counts what goes through it: the bytes of the objects that this process reads and writes."""

import threading
from dataclasses import dataclass
from pathlib import Path

from labelcycle.components.core.storage.store import Store


@dataclass(frozen=True)
class Traffic:
    """Bytes of whole objects that stores have handed out and taken; listings and questions count for nothing."""

    read: int = 0
    written: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.read + other.read, self.written + other.written)

    def __sub__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.read - other.read, self.written - other.written)


_traffic = Traffic()
_lock = threading.Lock()


def traffic() -> Traffic:
    """What all stores of this process have moved so far. Processes that it has started count on their own."""
    return _traffic


def _count(moved: Traffic) -> None:
    global _traffic
    with _lock:
        _traffic += moved


class CountedStore:
    """Hands everything on to another store, and counts."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def root(self) -> str:
        """See `Store.root`."""
        return self.store.root

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        data = self.store.read(key)
        _count(Traffic(read=len(data)))
        return data

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        self.store.write(key, data)
        _count(Traffic(written=len(data)))

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`. An object that was there already counts for nothing."""
        created = self.store.write_if_absent(key, data)
        if created:
            _count(Traffic(written=len(data)))
        return created

    def upload(self, path: Path, key: str) -> None:
        """See `Store.upload`."""
        self.store.upload(path, key)
        _count(Traffic(written=path.stat().st_size))

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`. The object counts as read as a whole, each time."""
        path = self.store.fetch(key)
        _count(Traffic(read=path.stat().st_size))
        return path

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        return self.store.exists(key)

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        return self.store.keys(prefix)

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return self.store.locate(key)
