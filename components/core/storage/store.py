"""The interface that every store keeps: whole objects by key, atomic writes, and a write that only one writer wins.

A write that returns is durable: content and name are on the disk, or with S3, before the next write begins. A write
that raises `TransientError` may have been done all the same, because its answer can be lost; it may be repeated.
Content that was damaged on the way is read again where the store notices, and otherwise found out by the digests of
those who read.
"""

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
