"""What the runs of a cycle's stages took: seconds, rows, memory, bytes read and written, and requests.

No two runs take the same, so timings lie beside the objects of their attempt, under `timings/`, and no commit names
them. Each run has a record of its own: one that found its work done already does not replace the one that did it. Its
name ends in a digest of its content, which is checked on reading.
"""

import resource
import sys
import time
from dataclasses import dataclass
from typing import TypedDict

from pydantic import ValidationError

from labelcycle.components.core.campaign.commits import attempt_key
from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.logging.events import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.store import traffic

BYTES_PER_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
FOLDER = "timings"
DIGITS = 12
"""Of the digest that a record's name ends in."""

_left_out: set[str] = set()
"""Addresses of damaged records that this process has reported."""


@dataclass(frozen=True)
class Used:
    """Seconds of time: on the clock, of processor cores, and on the clock of runs that computed on a GPU."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0

    def __add__(self, other: "Used") -> "Used":
        return Used(
            self.wall_seconds + other.wall_seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.gpu_seconds + other.gpu_seconds,
        )


class Timing(Settings):
    """One run of a stage.

    Attributes:
        stage: its name.
        target: of `embed`, the feature space: base or tuned; empty for other stages.
        shard: which part of the work, 0 where it is not divided.
        started: when, in seconds since 1970.
        wall_seconds: on the clock.
        cpu_seconds: of all threads and of the processes that it started and that have ended, in user and system mode.
        gpu_seconds: on the clock if the run computed with CUDA, else 0.
        rows: samples that it worked on, in the stage's own count; None where it counts none or failed.
        peak_memory_bytes: the largest resident memory of the process until then.
        bytes_read, bytes_written: of the campaign's objects, as this process read and wrote them, each time as a whole;
            None in records of versions that did not count them.
        requests: of the process to its stores, as `Traffic` counts them; None in records of versions that did not.
        failed: whether it ended with an error. Runs that were killed leave no record.
    """

    stage: str
    target: str = ""
    shard: int = 0
    started: float
    wall_seconds: float
    cpu_seconds: float
    gpu_seconds: float
    rows: int | None
    peak_memory_bytes: int
    bytes_read: int | None = None
    bytes_written: int | None = None
    requests: int | None = None
    failed: bool = False

    @property
    def step(self) -> str:
        """The stage with its target, such as `embed_base`."""
        return f"{self.stage}_{self.target}" if self.target else self.stage

    @property
    def used(self) -> Used:
        """The seconds alone."""
        return Used(self.wall_seconds, self.cpu_seconds, self.gpu_seconds)


class Measurement(TypedDict):
    """The measured fields of a `Timing`."""

    started: float
    wall_seconds: float
    cpu_seconds: float
    gpu_seconds: float
    peak_memory_bytes: int
    bytes_read: int
    bytes_written: int
    requests: int


class Meter:
    """Measures from its making to its reading. What runs beside it in the same process is measured too."""

    def __init__(self) -> None:
        self._started, self._wall = time.time(), time.perf_counter()
        self._cpu, self._allocations, self._traffic = _cpu_seconds(), _cuda_allocations(), traffic()

    def read(self) -> Measurement:
        """The measured fields of a `Timing`."""
        wall, moved = time.perf_counter() - self._wall, traffic() - self._traffic
        return {
            "started": self._started,
            "wall_seconds": wall,
            "cpu_seconds": _cpu_seconds() - self._cpu,
            "gpu_seconds": wall if _cuda_allocations() > self._allocations else 0.0,
            "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_RSS_UNIT,
            "bytes_read": moved.read,
            "bytes_written": moved.written,
            "requests": moved.requests,
        }


def write_timing(store: Store, cycle: int, attempt: str, timing: Timing) -> None:
    """Keep a record beside the attempt's objects, at `timings/<stage>[-<target>][-<shard>]-<digest>.json`."""
    data = canonical_json(timing.model_dump(mode="json"))
    parts = [timing.stage, timing.target, str(timing.shard) if timing.shard else "", digest_of_bytes(data)[:DIGITS]]
    name = f"{FOLDER}/{'-'.join(part for part in parts if part)}.json"
    store.write(attempt_key(cycle, attempt, name), data)


def read_timings(store: Store, cycle: int) -> list[Timing]:
    """Every record of a cycle, those of attempts that were never committed among them, in order of their start.

    A record that is damaged, or no record at all, is left out with a notice: nothing rests on it but a sum.

    Cost: one listing of the cycle's objects, and a small read for each record.
    """
    keys = [key for key in store.keys(f"cycles/{cycle}/") if f"/{FOLDER}/" in key]
    found = [timing for key in keys if (timing := _read_timing(store, key)) is not None]
    return sorted(found, key=lambda timing: timing.started)


def _read_timing(store: Store, key: str) -> Timing | None:
    digest = key.removesuffix(".json").rpartition("-")[2]
    try:
        data = store.read(key)
        if digest_of_bytes(data)[:DIGITS] == digest:
            return Timing.model_validate_json(data)
    except (FileNotFoundError, ValidationError):
        pass
    if (address := store.locate(key)) not in _left_out:
        _left_out.add(address)
        notice(f"The timing {address} is damaged and counts for nothing. It may be deleted.")
    return None


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _cuda_allocations() -> int:
    """How often memory of any GPU was asked for in this process; 0 where torch is not loaded or has used none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0
    statistics = [torch.cuda.memory_stats(number) for number in range(torch.cuda.device_count())]
    return sum(int(one.get("allocation.all.allocated", 0)) for one in statistics)
