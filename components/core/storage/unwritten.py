"""A store that is read but never written, for those who want to know what would be."""

from pathlib import Path

from labelcycle.components.core.storage.store import Store


class UnwrittenStore:
    """Reads another store, and lets everything that is written vanish."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def root(self) -> str:
        """See `Store.root`."""
        return self._store.root

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        return self._store.read(key)

    def write(self, key: str, data: bytes) -> None:
        """Nothing is written."""

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """Whether a write would have created the object."""
        return not self._store.exists(key)

    def write_if_unchanged(self, key: str, data: bytes, before: bytes) -> bool:
        """Whether a write would have replaced the object."""
        return self._store.exists(key) and self._store.read(key) == before

    def upload(self, path: Path, key: str) -> None:
        """Nothing is written."""

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`."""
        return self._store.fetch(key)

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        return self._store.exists(key)

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        return self._store.keys(prefix)

    def written(self, prefix: str) -> dict[str, float]:
        """See `Store.written`."""
        return self._store.written(prefix)

    def folders(self, prefix: str) -> list[str]:
        """See `Store.folders`."""
        return self._store.folders(prefix)

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return self._store.locate(key)
