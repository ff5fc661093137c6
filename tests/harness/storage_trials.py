"""Trials: one campaign each, on a store that fails in one way, compared with the campaign that nothing disturbed."""

import errno
import os
import random
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.retries.standard

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.storage import s3_connection, s3_failures
from tests.harness.committed_objects import committed_objects
from tests.harness.faulty_s3.faults import POSSIBLE, Fault, Seeded
from tests.harness.faulty_s3.proxy import FaultyS3, Nothing
from tests.harness.quick_campaign import Passage, losses, request, run_until_done

S3_FAULTS = [fault for fault in Fault if any(fault in kinds for kinds in POSSIBLE.values())]
DISK_ERRORS = [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE]
REFUSING_ERRORS = [errno.EROFS, errno.EACCES]


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        fault: its kind.
        seed: of the trial.
        injected: faults that happened.
        failures: how often the command ended and was run again.
        lost: what is missing or different in the end, or the error that ended it; empty when all is well.
    """

    fault: str
    seed: int
    injected: int
    failures: int
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bed:
    """What trials share.

    Attributes:
        folder: for roots in folders.
        embeddings: the pool.
        cycles: trained cycles of a campaign.
        reference: the committed objects of the campaign that nothing disturbed.
    """

    folder: Path
    embeddings: Path
    cycles: int
    reference: dict[str, str]

    def outcome(self, fault: str, seed: int, root: str, trial: Callable[[], tuple[Passage, int]]) -> Outcome:
        """Run a trial, and compare what it has left at `root` once nothing fails any more."""
        try:
            passage, injected = trial()
        except Exception as error:
            return Outcome(fault, seed, 0, 0, (f"{type(error).__name__}: {error}",))
        failures = len(passage.failures) + len(passage.refusals)
        return Outcome(fault, seed, injected, failures, tuple(losses(root, self.reference)))


def make_bed(folder: Path, embeddings: Path, cycles: int) -> Bed:
    """Run the campaign that nothing disturbs."""
    root = folder / "reference"
    run_until_done(request(str(root), embeddings, cycles))
    return Bed(folder, embeddings, cycles, committed_objects(str(root)))


@contextmanager
def impatient_clients(read_seconds: float = 1.0) -> Iterator[Callable[[str], None]]:
    """S3 clients that do not pause between tries, and wait `read_seconds` for an answer.

    All stores have the same until the function that is yielded hears of `init`: then the process of another run would
    begin, whose client has all its retries before it.
    """
    backoff = botocore.retries.standard.ExponentialBackoff
    forget = s3_connection._client_with.cache_clear
    forget()
    with (
        mock.patch.object(backoff, "delay_amount", lambda self, context: 0.0),
        mock.patch.object(s3_failures, "LONGEST_PAUSE_SECONDS", 0),
        mock.patch.object(s3_connection, "READ_SECONDS", read_seconds),
    ):
        try:
            yield lambda stage: forget() if stage == "init" else None
        finally:
            forget()


def s3_trial(
    bed: Bed,
    proxy: FaultyS3,
    bucket: str,
    seed: int,
    fault: Fault | None = None,
    share: float | None = None,
    read_seconds: float = 1.0,
) -> Outcome:
    """A campaign on S3 whose requests meet one kind of fault, or all kinds; answers are waited for `read_seconds`.

    Of the requests that can have the fault a share meets it; from time to time so large a share that runs end.
    """
    root = f"s3://{bucket}/{uuid.uuid4().hex}"
    share = random.Random(seed).choice([0.05, 0.2, 0.4]) if share is None else share
    before = proxy.injected.total()

    def trial() -> tuple[Passage, int]:
        proxy.plan = Seeded(seed, share, [fault] if fault else list(Fault), most=400)
        try:
            with impatient_clients(read_seconds) as before_stage:
                passage = run_until_done(request(root, bed.embeddings, bed.cycles), before_stage=before_stage)
        finally:
            proxy.plan = Nothing()
        return passage, proxy.injected.total() - before

    return bed.outcome(f"S3: {fault.value if fault else 'all kinds mixed'}", seed, root, trial)


def disk_trial(bed: Bed, seed: int, number: int) -> Outcome:
    """A campaign in a folder some of whose system calls fail with one error number."""
    root = bed.folder / f"disk-{errno.errorcode[number]}-{seed}"

    def trial() -> tuple[Passage, int]:
        with failing_calls(root, number, seed, share=0.02) as injected:
            # What refuses work is mended by hand, which here means: it is gone at the next run.
            mend = (lambda error: None) if number in REFUSING_ERRORS else None
            passage = run_until_done(request(str(root), bed.embeddings, bed.cycles), mend)
        return passage, len(injected)

    outcome = bed.outcome(f"folder: {errno.errorcode[number]}", seed, str(root), trial)
    shutil.rmtree(root, ignore_errors=True)
    return outcome


@contextmanager
def failing_calls(root: Path, number: int, seed: int, share: float) -> Iterator[list[str]]:
    """Let a share of the calls that write and read below `root` fail; yields what has failed so far."""
    chance, failed = random.Random(seed), []
    reading = number in (errno.EIO, errno.ESTALE, errno.EACCES)

    def faulty(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **settings: Any) -> Any:
            mine = isinstance(arguments[0], int) or Path(os.fspath(arguments[0])).is_relative_to(root)
            if mine and chance.random() < share:
                failed.append(name)
                raise OSError(number, os.strerror(number))
            return call(*arguments, **settings)

        return wrapper

    writing_calls = [(Path, "write_bytes"), (Path, "replace"), (Path, "mkdir"), (os, "link"), (os, "fsync")]
    with ExitStack() as stack:
        for owner, name in [*writing_calls, *([(Path, "read_bytes")] if reading else [])]:
            stack.enter_context(mock.patch.object(owner, name, faulty(name, getattr(owner, name))))
        yield failed


class SmallDisk:
    """A file system in memory of a few megabytes, which only the superuser can mount.

    Attributes:
        folder: where it is mounted.
    """

    def __init__(self, folder: Path, kilobytes: int) -> None:
        self.folder, self._kilobytes = folder, kilobytes

    def __enter__(self) -> "SmallDisk":
        self.folder.mkdir(parents=True, exist_ok=True)
        options = f"size={self._kilobytes}k,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], check=True, capture_output=True)
        return self

    def __exit__(self, *exception: object) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True, capture_output=True)

    def grow(self, kilobytes: int) -> None:
        """Make it larger."""
        self._kilobytes += kilobytes
        self._remount(f"size={self._kilobytes}k")

    def fill(self, kilobytes_left: int) -> None:
        """Make it as small as what is on it, and so much."""
        usage = shutil.disk_usage(self.folder)
        self._kilobytes = usage.used // 1024 + kilobytes_left
        self._remount(f"size={self._kilobytes}k")

    def read_only(self, on: bool) -> None:
        """Mount it for reading only, or for writing again."""
        self._remount("ro" if on else "rw")

    def _remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True, capture_output=True)


def can_mount(folder: Path) -> bool:
    """Whether this process may mount file systems."""
    try:
        with SmallDisk(folder / "probe", 64):
            return True
    except (subprocess.CalledProcessError, OSError):
        return False


def full_disk_trial(bed: Bed, seed: int) -> Outcome:
    """A campaign on a disk that is full again and again, and grows by a few kilobytes each time."""
    chance, root = random.Random(seed), bed.folder / f"full-{seed}"

    def trial() -> tuple[Passage, int]:
        full: list[str] = []

        def grow(error: LabelcycleError) -> None:
            assert "No space left on device. Free space" in str(error), error
            full.append(str(error))
            disk.grow(chance.choice([4, 16, 64, 256]))

        with SmallDisk(root, chance.choice([16, 64, 128, 256])) as disk:
            passage = run_until_done(request(str(root / "campaign"), bed.embeddings, bed.cycles), grow)
            kept = bed.folder / f"full-{seed}-kept"
            shutil.copytree(root / "campaign", kept)
        return passage, len(full)

    outcome = bed.outcome("folder: disk full", seed, str(bed.folder / f"full-{seed}-kept"), trial)
    shutil.rmtree(bed.folder / f"full-{seed}-kept", ignore_errors=True)
    return outcome


def read_only_trial(bed: Bed, seed: int) -> Outcome:
    """A campaign on a disk that becomes read-only before some stages, until somebody mounts it for writing again."""
    chance, root = random.Random(seed), bed.folder / f"read-only-{seed}"

    def trial() -> tuple[Passage, int]:
        times: list[str] = []

        def perhaps(stage: str) -> None:
            if chance.random() < 0.15:
                times.append(stage)
                disk.read_only(True)

        def mount_again(error: LabelcycleError) -> None:
            assert error.exit_code == 1 and "Read-only file system. Mount it for writing" in str(error), error
            disk.read_only(False)

        with SmallDisk(root, 8192) as disk:
            passage = run_until_done(request(str(root / "campaign"), bed.embeddings, bed.cycles), mount_again, perhaps)
            disk.read_only(False)
            shutil.copytree(root / "campaign", bed.folder / f"read-only-{seed}-kept")
        return passage, len(times)

    outcome = bed.outcome("folder: read-only", seed, str(bed.folder / f"read-only-{seed}-kept"), trial)
    shutil.rmtree(bed.folder / f"read-only-{seed}-kept", ignore_errors=True)
    return outcome
