"""What can go wrong with files, in labelcycle's words: what passes by itself, and what somebody has to change."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, TransientError

NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
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
