"""What outlives a run: binaries, the base image, packages, the image's layers, and containerd's images."""

import fcntl
import hashlib
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "LABELCYCLE_CACHE"


def cache_folder() -> Path:
    """The folder that LABELCYCLE_CACHE names, or one in the user's own cache; made if need be."""
    folder = Path(os.environ.get(VARIABLE) or Path.home() / ".cache" / "labelcycle-test-cluster").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest_of(files: Iterable[Path], *further: str) -> str:
    """Twelve digits that change when a file's name or content or one of the further words does."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    for word in further:
        digest.update(f"{word}\0".encode())
    return digest.hexdigest()[:12]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the cache for this run, and let SIGTERM end it as Ctrl-C does, so that it tidies up.

    Raises:
        AssertionError: another run has it.
    """
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AssertionError(f"Another run uses {folder}: wait for it, or stop it") from None
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
