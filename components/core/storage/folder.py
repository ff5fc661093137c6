"""A store in a local or mounted folder."""

import errno
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage.store import checked_key, checked_prefix

UNFINISHED = ".unfinished-"
ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


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
        path = self._path(key)
        try:
            return path.read_bytes()
        except ABSENT as error:
            raise FileNotFoundError(path) from error
        except PermissionError as error:
            raise ConfigurationError(f"{path} may not be read. Grant read access, then run again.") from error

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        self._place(key, lambda temporary: temporary.write_bytes(data), Path.replace)

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`. A hard link fails when the name is taken, which makes the test atomic."""
        try:
            self._place(key, lambda temporary: temporary.write_bytes(data), _link)
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
        folder = self._root / checked_prefix(prefix, self.root).rpartition("/")[0]
        found = (path.relative_to(self._root).as_posix() for path in folder.rglob("*") if path.is_file())
        return sorted(key for key in found if key.startswith(prefix) and UNFINISHED not in key)

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return str(self._path(key))

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key, self.root)

    def _place(self, key: str, fill: Callable[[Path], object], finish: Callable[[Path, Path], object]) -> None:
        """Fill a temporary file, force it to disk, then rename or link it to its name."""
        path = self._path(key)
        temporary = path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_writable(path, error) from error
        try:
            fill(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            finish(temporary, path)
        except FileExistsError:
            raise
        except OSError as error:
            raise _not_writable(path, error) from error
        finally:
            temporary.unlink(missing_ok=True)


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno in NO_HARD_LINKS:
            raise ConfigurationError(
                f"The file system of {path} has no hard links, without which two runs cannot be kept apart. "
                "Put the campaign on another file system or on S3."
            ) from error
        raise


def _not_writable(path: Path, error: OSError) -> TransientError:
    return TransientError(
        f"Cannot write {path}: {error.strerror or error}. Free space or grant write access, then run again."
    )
