"""The entries of a folder, so that they outlast a power cut and other writers: made, linked, locked, forced to disk."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labelcycle.components.core.errors import ConfigurationError

NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
ABSENT = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
CANNOT_SYNC = {errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EACCES}
"""Folders on some network file systems cannot be forced to disk: their servers do it by themselves."""

CANNOT_LOCK = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others out who lock this folder; the lock of one that is killed ends with it.

    Network file systems that lock no folders leave a moment between reading and writing in which another may write.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except ABSENT:
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in CANNOT_LOCK:
                raise
        yield
    finally:
        os.close(descriptor)


def link(temporary: Path, path: Path) -> None:
    """Give the temporary file its name, unless that is taken.

    A network file system whose answer was lost asks again, and then hears that the name is taken: by this very file.
    """
    try:
        os.link(temporary, path)
    except FileExistsError:
        if not path.samefile(temporary):
            raise
    except OSError as error:
        if error.errno in NO_HARD_LINKS:
            raise ConfigurationError(
                f"The file system of {path} has no hard links, without which two runs cannot be kept apart. "
                "Put the campaign on another file system or on S3."
            ) from error
        raise


def make_folder(folder: Path) -> None:
    """Make the folder and those above it that are missing, each durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to disk."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in CANNOT_SYNC:
            raise
