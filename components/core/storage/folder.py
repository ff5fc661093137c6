"""A store in a local or mounted folder, and its failures: which pass by themselves, and which somebody has to fix."""

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import tenacity

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, TransientError
from labelcycle.components.core.storage.folder_entries import ABSENT, link, locked, make_folder, sync_folder
from labelcycle.components.core.storage.store import checked_key, checked_prefix

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM}
IN_THE_WAY = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY}
UNNAMEABLE = {errno.ENAMETOOLONG, errno.EILSEQ, errno.ELOOP}

Action = Literal["read", "write"]


@contextmanager
def folder_errors(action: Action, path: Path) -> Iterator[None]:
    """Turn what the operating system says about `path` into ours, each with its remedy.

    A missing file stays FileNotFoundError when it is read. A file where a folder should be makes all below it missing.

    Raises:
        ConfigurationError: running again would not help: no right, a read-only file system, a name it cannot have.
        TransientError: it may: a full disk, a quota, a limit, a stale mount, a disk that fails.
    """
    try:
        yield
    except FileNotFoundError as error:
        if action == "read":
            raise
        raise _failure(action, path, error) from error
    except OSError as error:
        raise _failure(action, path, error) from error


def _failure(action: Action, path: Path, error: OSError) -> LabelcycleError:
    said = error.strerror or str(error)
    what = f"Cannot {action} {path}: {said}."
    if error.errno in FULL:
        return TransientError(f"{what} Free space, or raise the quota or limit, then run again.")
    if error.errno == errno.ESTALE:
        return TransientError(f"{what} Mount its file system again, then run again.")
    if error.errno == errno.EIO:
        return TransientError(f"{what} Look at the disk or the mount, then run again; restore what it has lost.")
    if error.errno == errno.EROFS:
        return ConfigurationError(f"{what} Mount it for writing, or put the campaign elsewhere, then run again.")
    if error.errno in FORBIDDEN and action == "read":
        return ConfigurationError(f"{path} may not be read: {said}. Grant read access, then run again.")
    if error.errno in FORBIDDEN:
        return ConfigurationError(f"{path} may not be written: {said}. Grant write access, then run again.")
    if error.errno in IN_THE_WAY:
        return ConfigurationError(f"{what} A file or folder is in its way. Move that elsewhere, then run again.")
    if error.errno in UNNAMEABLE:
        return ConfigurationError(f"{what} Choose a shorter root, or one on another file system.")
    return TransientError(f"{what} Run the same command again.")


UNFINISHED = ".unfinished-"
LEFTOVER_SECONDS = 24 * 3600
"""An unfinished file older than this, by the clock of the file system, is what a killed writer has left."""


class FolderStore:
    """Objects as files. Writes go to a temporary file in the same folder and are renamed or linked into place.

    The file is forced to disk before it gets its name, and the folder after, so that a power cut leaves the old object
    or the new one, and never a later object without an earlier one. Temporary files of killed writers are never read;
    the first write of a store into their folder removes those that are older than a day.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().absolute()
        self._tidied: set[Path] = set()
        if self._root.exists() and not self._root.is_dir():
            raise ConfigurationError(f"{self._root} is a file; a campaign root must be a folder. Name another path.")

    @property
    def root(self) -> str:
        """The folder's absolute path."""
        return str(self._root)

    def read(self, key: str) -> bytes:
        """See `Store.read`."""
        path = self._path(key)
        with folder_errors("read", path):
            try:
                return _read(path)
            except ABSENT as error:
                raise FileNotFoundError(path) from error

    def write(self, key: str, data: bytes) -> None:
        """See `Store.write`."""
        self._place(key, lambda temporary: temporary.write_bytes(data), Path.replace)

    def write_if_absent(self, key: str, data: bytes) -> bool:
        """See `Store.write_if_absent`. A hard link fails when the name is taken, which makes the test atomic."""
        try:
            self._place(key, lambda temporary: temporary.write_bytes(data), link)
        except FileExistsError:
            path = self._path(key)
            with folder_errors("write", path):
                sync_folder(path.parent)
            return False
        return True

    def write_if_unchanged(self, key: str, data: bytes, before: bytes) -> bool:
        """See `Store.write_if_unchanged`. The folder is locked meanwhile against others who do the same."""
        path = self._path(key)
        with folder_errors("write", path), locked(path.parent):
            try:
                if _read(path) != before:
                    return False
            except ABSENT:
                return False
            self.write(key, data)
        return True

    def upload(self, path: Path, key: str) -> None:
        """See `Store.upload`."""
        self._place(key, lambda temporary: shutil.copyfile(path, temporary), Path.replace)

    def fetch(self, key: str) -> Path:
        """See `Store.fetch`: the file itself."""
        path = self._path(key)
        with folder_errors("read", path):
            if not path.is_file():
                raise FileNotFoundError(path)
        return path

    def exists(self, key: str) -> bool:
        """See `Store.exists`."""
        path = self._path(key)
        with folder_errors("read", path):
            return path.is_file()

    def keys(self, prefix: str) -> list[str]:
        """See `Store.keys`."""
        folder = self._root / checked_prefix(prefix, self.root).rpartition("/")[0]
        with folder_errors("read", folder):
            above = len(str(self._root / "_")) - 1
            found = (path[above:] for path in _files_below(str(folder)))
            return sorted(key for key in found if key.startswith(prefix) and UNFINISHED not in key)

    def written(self, prefix: str) -> dict[str, float]:
        """See `Store.written`."""
        found = {}
        for key in self.keys(prefix):
            path = self._path(key)
            with folder_errors("read", path), suppress(FileNotFoundError):
                found[key] = path.stat().st_ctime
        return found

    def folders(self, prefix: str) -> list[str]:
        """See `Store.folders`."""
        folder = self._root / checked_prefix(prefix, self.root)
        with folder_errors("read", folder):
            try:
                with os.scandir(folder) as entries:
                    return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            except (FileNotFoundError, NotADirectoryError):
                return []

    def locate(self, key: str) -> str:
        """See `Store.locate`."""
        return str(self._path(key))

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key, self.root)

    def _place(self, key: str, fill: Callable[[Path], object], finish: Callable[[Path, Path], object]) -> None:
        """Fill a temporary file, force it to disk, rename or link it to its name, and force that to disk.

        Raises:
            FileExistsError: of `finish`.
        """
        path = self._path(key)
        temporary = path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
        with folder_errors("write", path):
            make_folder(path.parent)
            try:
                fill(temporary)
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
                self._remove_leftovers(temporary)
                try:
                    finish(temporary, path)
                except FileExistsError:
                    taken = True
                else:
                    taken = False
                    sync_folder(path.parent)
            finally:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
        if taken:
            raise FileExistsError(path)

    def _remove_leftovers(self, temporary: Path) -> None:
        """Remove what killed writers left beside `temporary`, once for each folder.

        A slow writer whose file is removed fails when it names it, and is run again. The age is by the clock of the
        file system, because that of this machine may differ.
        """
        folder = temporary.parent
        if folder in self._tidied:
            return
        self._tidied.add(folder)
        oldest = temporary.stat().st_mtime - LEFTOVER_SECONDS
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(UNFINISHED) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    Path(entry.path).unlink(missing_ok=True)


@tenacity.retry(
    retry=tenacity.retry_if_exception(lambda error: getattr(error, "errno", None) == errno.ESTALE),
    stop=tenacity.stop_after_attempt(3),
    reraise=True,
)
def _read(path: Path) -> bytes:
    """The content; read again where another machine has just replaced the file, as network file systems report it."""
    return path.read_bytes()


def _files_below(folder: str) -> Iterator[str]:
    """Paths of all files below a folder; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path)
        elif entry.is_file():
            yield entry.path
