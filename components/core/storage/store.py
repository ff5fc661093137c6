"""The interface that every store keeps: whole objects by key, atomic writes, and a write that only one writer wins.

A write that returns is durable: content and name are on the disk, or with S3, before the next write begins. A write
that raises `TransientError` may have been done all the same, because its answer can be lost; it may be repeated.
Content that was damaged on the way is read again where the store notices, and otherwise found out by the digests of
those who read. `CountedStore` counts the bytes that this process reads and writes, and the requests that it makes.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from labelcycle.components.core.errors import ConfigurationError


class Store(Protocol):
    """Objects by key under one root. A key is a relative POSIX path such as `cycles/0/commit.json`."""

    @property
    def root(self) -> str:
        """The root as the user wrote it, absolute: `/data/campaign` or `s3://bucket/prefix`."""
        ...

    def read(self, key: str) -> bytes:
        """The object's content.

        Raises:
            FileNotFoundError: no object has this key.
        """
        ...

    def write(self, key: str, data: bytes) -> None:
        """Create or replace the object, atomically: a reader sees the old content or the new, never a part."""
        ...

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """Create the object unless the key is taken, atomically. Returns whether this very call created it.

        That is so too where the answer to the write was lost on the way and the write was repeated. Where False is
        returned the object of the other writer is durable.
        """
        ...

    def write_if_unchanged(self, key: str, data: bytes, before: bytes) -> bool:
        """Replace the object where its content is still `before`. Returns whether it was, and is replaced.

        Of several that do so at once one wins. What others write by `write` meanwhile can be lost. Where the answer to
        the write is lost on the way, False may be returned although it was done: read again. False too where there is
        no such object.
        """
        ...

    def upload(self, path: Path, key: str) -> None:
        """Create or replace the object from a local file, atomically, without holding it in memory."""
        ...

    def fetch(self, key: str) -> Path:
        """A local file with the object's content, to be read only. It stays valid while the store object lives.

        Raises:
            FileNotFoundError: no object has this key.
        """
        ...

    def exists(self, key: str) -> bool:
        """Whether an object has this key."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """Keys that start with `prefix`, sorted; unfinished writes are not among them."""
        ...

    def written(self, prefix: str) -> dict[str, float]:
        """When each object whose key starts with `prefix` was last written, by key, in seconds since 1970.

        In a folder that is when anything about the file last changed, so that a copy with its old date counts as new.

        Cost: as `keys`.
        """
        ...

    def folders(self, prefix: str) -> list[str]:
        """The names that keys have next after `prefix`, up to a further `/`, each once, sorted.

        On a file system, folders without any object may be among them.

        Args:
            prefix: one that ends in `/`: below `cycles/` there are `0`, `1` and so on.

        Cost: one listing a thousand folders, however many objects these hold.
        """
        ...

    def locate(self, key: str) -> str:
        """The object's absolute address, for people and other systems: a path or an `s3://` URI."""
        ...


def checked_key(key: str, root: str) -> str:
    """`key`, if every store would take it for the same object below `root`.

    Raises:
        ConfigurationError: the key is empty, absolute, or has empty, `.` or `..` parts.
    """
    if not key or key.endswith("/"):
        raise ConfigurationError(f"Key {key!r} names no object of the campaign root {root}.")
    return checked_prefix(key, root)


def checked_prefix(prefix: str, root: str) -> str:
    """`prefix`, if all keys that start with it are below `root`.

    Raises:
        ConfigurationError: it is absolute, or has empty, `.` or `..` parts, or a NUL.
    """
    parts = prefix.removesuffix("/").split("/") if prefix else []
    if ".." in parts:
        raise ConfigurationError(f"Key {prefix!r} would leave the campaign root {root}.")
    if "" in parts or "." in parts or "\0" in prefix:
        raise ConfigurationError(f"Key {prefix!r} is not a plain path below the campaign root {root}.")
    return prefix


@dataclass(frozen=True)
class Traffic:
    """Bytes of whole objects that stores have delivered and taken, and requests.

    Listings and questions are requests without bytes. With S3 a request is one that was sent, repetitions and the
    reading of images among them; with a folder it is a call of the store.
    """

    read: int = 0
    written: int = 0
    requests: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.read + other.read, self.written + other.written, self.requests + other.requests)

    def __sub__(self, other: "Traffic") -> "Traffic":
        return Traffic(self.read - other.read, self.written - other.written, self.requests - other.requests)


_traffic = Traffic()
_lock = threading.Lock()


def traffic() -> Traffic:
    """What all stores of this process have moved so far. Processes that it has started count on their own."""
    return _traffic


def count(moved: Traffic) -> None:
    """Add to what `traffic` tells."""
    global _traffic
    with _lock:
        _traffic += moved


class CountedStore:
    """Hands everything on to another store, and counts."""

    def __init__(self, store: Store, requests: bool = True) -> None:
        """Count what goes through a store.

        Args:
            store: the other store.
            requests: whether each call is a request; not where the store counts what it sends by itself.
        """
        self.store = store
        self._call = Traffic(requests=1 if requests else 0)

    @property
    def root(self) -> str:
        """See `Store.root`."""
        return self.store.root

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        count(self._call)
        data = self.store.read(key)
        count(Traffic(read=len(data)))
        return data

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        count(self._call)
        self.store.write(key, data)
        count(Traffic(written=len(data)))

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`. An object that was there already counts for nothing."""
        count(self._call)
        created = self.store.write_if_absent(key, data)
        if created:
            count(Traffic(written=len(data)))
        return created

    def write_if_unchanged(self, key: str, data: bytes, before: bytes) -> bool:
        """See `Store.write_if_unchanged`."""
        count(self._call)
        replaced = self.store.write_if_unchanged(key, data, before)
        if replaced:
            count(Traffic(written=len(data)))
        return replaced

    def upload(self, path: Path, key: str) -> None:
        """See `Store.upload`."""
        count(self._call)
        self.store.upload(path, key)
        count(Traffic(written=path.stat().st_size))

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`. The object counts as read as a whole, each time."""
        count(self._call)
        path = self.store.fetch(key)
        count(Traffic(read=path.stat().st_size))
        return path

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        count(self._call)
        return self.store.exists(key)

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        count(self._call)
        return self.store.keys(prefix)

    def written(self, prefix: str) -> dict[str, float]:
        """See `Store.written`."""
        count(self._call)
        return self.store.written(prefix)

    def folders(self, prefix: str) -> list[str]:
        """See `Store.folders`."""
        return self.store.folders(prefix)

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return self.store.locate(key)
