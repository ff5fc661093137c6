"""A store in a local or mounted folder."""

import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from labelcycle.components.core.errors import ConfigurationError, TransientError

UNFINISHED = ".unfinished-"


class FolderStore:
    """Objects as files. Writes go to a temporary file in the same folder and are renamed or linked into place."""

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().absolute()
        if self._root.exists() and not self._root.is_dir():
            raise ConfigurationError(f"{self._root} is a file; a campaign root must be a folder. Name another path.")

    @property
    def root(self) -> str:
        """The folder's absolute path."""
        return str(self._root)

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        return self._path(key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        self._place(key, lambda temporary: temporary.write_bytes(data), Path.replace)

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`. A hard link fails when the name is taken, which makes the test atomic."""
        try:
            self._place(key, lambda temporary: temporary.write_bytes(data), os.link)
        except FileExistsError:
            return False
        return True

    def upload(self, path: Path, key: str) -> None:
        """See `Store.upload`."""
        self._place(key, lambda temporary: shutil.copyfile(path, temporary), Path.replace)

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`: the file itself."""
        path = self._path(key)
        if not path.is_file():
            raise FileNotFoundError(path)
        return path

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        return self._path(key).is_file()

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        folder = self._root / PurePosixPath(prefix).parent if not prefix.endswith("/") else self._root / prefix
        found = (path.relative_to(self._root).as_posix() for path in folder.rglob("*") if path.is_file())
        return sorted(key for key in found if key.startswith(prefix) and UNFINISHED not in key)

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return str(self._path(key))

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key)
        if parts.is_absolute() or ".." in parts.parts or not parts.parts:
            raise ConfigurationError(f"Key {key!r} would leave the campaign root {self._root}.")
        return self._root / parts

    def _place(self, key: str, fill: Callable[[Path], object], finish: Callable[[Path, Path], object]) -> None:
        """Fill a temporary file, force it to disk, then rename or link it to its name."""
        path = self._path(key)
        temporary = path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fill(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            finish(temporary, path)
        except FileExistsError:
            raise
        except OSError as error:
            raise TransientError(
                f"Cannot write {path}: {error.strerror or error}. Free space or grant write access, then run again."
            ) from error
        finally:
            temporary.unlink(missing_ok=True)
