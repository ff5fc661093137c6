"""One measurement in a process of its own: CPU and wall seconds of the work alone, and the peak of memory it adds."""

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Choose = Callable[[], npt.ArrayLike]
"""Everything is prepared; what is left is the work to be measured. Returns the picked rows of the pool, in order."""

ENOUGH_SECONDS = 2.0
MOST_REPEATS = 5
"""Short work is repeated until it has taken so long, at most so often, and the least CPU time counts."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Job:
    """What a process is to measure.

    Attributes:
        strategy: what is asked for.
        by: "ours", or the name of a peer.
        folder: where the pool is.
        cores: how many the process may use, in threads too.
        limit: seconds of wall time after which it is ended.
        on_disk: features stay on disk, mapped into memory.
        repeat: short work is repeated.
        parameters: of our strategy, other than its defaults.
    """

    strategy: str
    by: str
    folder: str
    cores: int
    limit: float
    on_disk: bool = False
    repeat: bool = True
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """What came out.

    Attributes:
        job: what was measured.
        cpu, wall: seconds.
        extra_bytes: peak resident memory above what was resident before the work.
        peak_bytes: peak resident memory of the whole process, files that are mapped included.
        rows: the picks.
        notes: what else the work told.
        failure: why there is nothing else.
    """

    job: Job
    cpu: float = float("nan")
    wall: float = float("nan")
    extra_bytes: int = 0
    peak_bytes: int = 0
    rows: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failure: str = ""


def measure(job: Job) -> Measurement:
    """Run a job in a fresh process, and tell on standard error that it is done."""
    measured = _run(job)
    result = measured.failure or f"{measured.cpu:.3g} CPU s, {measured.wall:.3g} s"
    print(f"{Path(job.folder).name}: {label(job)}, {job.by}: {result}", file=sys.stderr)
    return measured


def label(job: Job) -> str:
    """The strategy, and its parameters where they are not the defaults."""
    given = ", ".join(f"{name} = {value:g}" for name, value in job.parameters.items())
    return f"{job.strategy} ({given})" if given else job.strategy


def _run(job: Job) -> Measurement:
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(job.cores))
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.select.worker", json.dumps(asdict(job))]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=job.limit)
    except subprocess.TimeoutExpired:
        return Measurement(job, failure=f"more than {job.limit:.0f} s")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return Measurement(job, failure=lines[-1])
    return Measurement(job, **json.loads(done.stdout.splitlines()[-1]), notes=done.stderr.splitlines())


def time_here(choose: Choose, repeat: bool) -> dict[str, object]:
    """Measure the work in this process; the first run counts for memory, the fastest for time."""
    reset_peak()
    before = memory("VmRSS")
    times: list[tuple[float, float]] = []
    peak, rows = 0, np.empty(0)
    while not times or (repeat and len(times) < MOST_REPEATS and sum(wall for _, wall in times) < ENOUGH_SECONDS):
        start, cpu = time.perf_counter(), cpu_seconds()
        rows = np.asarray(choose())
        times.append((cpu_seconds() - cpu, time.perf_counter() - start))
        peak = peak or memory("VmHWM")
    best = min(times)
    return {
        "cpu": best[0],
        "wall": best[1],
        "extra_bytes": max(peak - before, 0),
        "peak_bytes": peak,
        "rows": rows.tolist(),
    }


def cpu_seconds() -> float:
    """What this process has used so far, all threads together, in user and in system mode."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(what: str) -> int:
    """Bytes of a field of /proc/self/status: VmRSS for resident memory, VmHWM for its peak."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def reset_peak() -> None:
    """Forget the peak so far, where the system allows that."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        print("The peak before the work could not be forgotten; memory is an upper bound.", file=sys.stderr)
