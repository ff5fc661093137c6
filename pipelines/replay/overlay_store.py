"""A store over another one, which is only read: what is written goes elsewhere, and some keys are not seen."""

from collections.abc import Callable
from pathlib import Path

from labelcycle.components.core.storage import Store


class OverlayStore:
    """What was written here comes first; then what the store below has, but for hidden keys.

    Args:
        below: only read from.
        above: takes what is written.
        hidden: whether a key of the store below is not seen.
    """

    def __init__(self, below: Store, above: Store, hidden: Callable[[str], bool]) -> None:
        self._below, self._above, self._hidden = below, above, hidden

    @property
    def root(self) -> str:
        """See `Store.root`: that of the store below."""
        return self._below.root

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        return self._holder(key).read(key)

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        self._above.write(key, data)

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`."""
        return not self.exists(key) and self._above.write_if_absent(key, data)

    def upload(self, path: Path, key: str) -> None:
        """See `Store.upload`."""
        self._above.upload(path, key)

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`."""
        return self._holder(key).fetch(key)

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        return self._holder(key).exists(key)

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        below = [key for key in self._below.keys(prefix) if not self._hidden(key)]
        return sorted({*below, *self._above.keys(prefix)})

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return self._holder(key).locate(key)

    def _holder(self, key: str) -> Store:
        return self._above if self._hidden(key) or self._above.exists(key) else self._below
