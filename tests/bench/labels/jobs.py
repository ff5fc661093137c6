"""One job is one method with one head and one seed on one set. Each has a file of its own, so a bench can be resumed.

A file's name ends in a digest of all that decides the result, so a changed method is measured anew. Methods that do not
ask the head choose the same whatever the head, so their choices are kept beside, and used again for the next head.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.models.heads import Head
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, ComparedStrategy
from tests.bench.labels import heads, methods
from tests.bench.labels.data import (
    MANY,
    MOST_LABELLED,
    QUERIED,
    QUERIED_OF_MANY,
    SHARES,
    SMALL_POOL,
    TEST,
    Data,
    budgets,
    history_of,
    size_of,
)
from tests.bench.labels.methods import Method

VERSION = 1
"""Of the bench itself: to be raised where its campaigns change."""


@dataclass(frozen=True)
class Job:
    """What is measured in one go.

    Attributes:
        data: the set.
        content: digest of its file.
        method: who chooses.
        head: name of the head.
        seed: of split, first query, and choices.
        most: labels a class to stop after; None for as many as the pool allows.
    """

    data: Data
    content: str
    method: Method
    head: str
    seed: int
    most: int | None = None

    def settings(self, with_head: bool = True) -> dict[str, Any]:
        """What decides the result."""
        content = {"set": self.content, "whole": self.data.whole, "most": self.most, "bench": VERSION}
        content |= {"budgets": [QUERIED, QUERIED_OF_MANY, MANY, MOST_LABELLED], "split": [SMALL_POOL, TEST, SHARES]}
        content |= {"method": methods.settings_of(self.method)}
        return content | ({"head": heads.settings_of(self.head, methods.default_plan())} if with_head else {})

    def file(self, out: Path) -> Path:
        """Where the result is."""
        name = f"{self.method.key}-{self.head}-{digest_of_json(self.settings())[:12]}-{self.seed}.json"
        return out / self.data.name / name

    def picks_file(self, out: Path) -> Path:
        """Where the choices are that serve all heads."""
        name = f"{self.method.key}-{digest_of_json(self.settings(with_head=False))[:12]}-{self.seed}.npz"
        return out / self.data.name / "picks" / name


def jobs_of(
    sets: Sequence[Data], compared: Sequence[Method], seeds: int, wanted_heads: Sequence[str], most: int | None = None
) -> list[Job]:
    """All jobs, seed by seed, so that a bench cut short has all methods."""
    contents = {data: data.digest() for data in sets}
    many = {data: size_of(data)[1] > MANY for data in sets}
    return [
        Job(data, contents[data], method, head, seed, most)
        for seed in range(seeds)
        for head in wanted_heads
        for data in sets
        for method in compared
        if head in method.heads and not (data.whole and method.slow) and not (many[data] and method.few_classes)
    ]


def run(jobs: Sequence[Job], out: Path, cores: int) -> int:
    """Do the jobs whose results are not there, each in one thread; the number of those that failed."""
    missing = [job for job in jobs if not job.file(out).is_file()]
    print(f"{len(jobs) - len(missing)} of {len(jobs)} results are there.", file=sys.stderr, flush=True)
    failed = 0
    for number, (job, told) in enumerate(_done(missing, out, cores), 1):
        failed += isinstance(told, str)
        what = f"{job.data.name}, {job.method.title}, {job.head} head, seed {job.seed}"
        print(f"{number}/{len(missing)} {what}: {told if isinstance(told, str) else f'{told:.1f} s'}", file=sys.stderr)
    return failed


def _done(jobs: Sequence[Job], out: Path, cores: int) -> Iterator[tuple[Job, float | str]]:
    """Jobs as they end, with their seconds or with what went wrong; in this process where there is one core."""
    if cores == 1:
        for job in jobs:
            try:
                yield job, measure(job, out)
            except Exception as error:  # whatever a strategy may raise
                yield job, f"failed: {type(error).__name__}: {error}"
        return
    with ProcessPoolExecutor(cores, get_context("spawn")) as executor:
        running = {executor.submit(measure, job, out): job for job in jobs}
        for future in as_completed(running):
            error = future.exception()
            yield running[future], f"failed: {type(error).__name__}: {error}" if error else future.result()


def measure(job: Job, out: Path) -> float:
    """Do a job and keep its result; the processor seconds that it took."""
    start = time.process_time()
    history = history_of(job.data, job.seed)
    kept = job.picks_file(out)
    picks: list[npt.NDArray[np.int64]] | None = None
    if not job.method.guided and kept.is_file():
        with np.load(kept) as file:
            picks = [file[name] for name in file.files]
    with threadpool_limits(1):
        labels, accuracy, picks = campaign(job, picks)
    if not job.method.guided and not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_name(f"{os.getpid()}-{kept.name}")
        np.savez(partial, *picks)
        partial.replace(kept)
    seconds = time.process_time() - start
    result = {
        "set": job.data.name,
        "by": job.method.by,
        "method": job.method.title,
        "start": job.method.start,
        "head": job.head,
        "seed": job.seed,
        "classes": len(history.classes),
        "pool": len(history.pool),
        "test": len(history.test),
        "labels": labels,
        "accuracy": accuracy,
        "seconds": round(seconds, 2),
        "made": time.time(),
        "version": digest_of_json(job.settings()),
        "job": asdict(job) | {"data": job.data.name},
    }
    file = job.file(out)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{os.getpid()}-{file.name}.partial")
    partial.write_text(json.dumps(result, indent=1))
    partial.replace(file)
    return seconds


def campaign(
    job: Job, known: list[npt.NDArray[np.int64]] | None = None
) -> tuple[list[int], list[float], list[npt.NDArray[np.int64]]]:
    """A campaign in memory: labels and test accuracy after each query, and the rows that were asked for.

    Args:
        job: what to measure.
        known: the rows of an earlier campaign, to learn from once more.
    """
    history = history_of(job.data, job.seed)
    pool, test = history.pool, history.test
    labelled = np.zeros(len(pool), np.bool_)
    arm = methods.arm_of(ComparedStrategy(chooser=RANDOM), job.seed)
    plan = methods.plan_of(history, 1)
    moments = feature_moments([pool.features])
    assert moments is not None
    ask = methods.begin(job.method, history, job.seed) if known is None else None
    head: Head | None = None
    labels, accuracy, picks = [], [], []
    for cycle, budget in enumerate(budgets(len(history.classes), len(pool), job.most)):
        wanted = budget - int(labelled.sum())
        rows = ask(cycle, labelled, head, wanted) if ask else known[cycle] if known else None
        assert rows is not None and len(np.unique(rows)) == wanted and not labelled[rows].any()
        labelled[rows] = True
        head = heads.fitted(job.head, history, plan, arm, cycle + 1, np.flatnonzero(labelled), head, moments)
        labels.append(budget)
        accuracy.append(float((head.logits(test.features).argmax(axis=1) == test.classes).mean()))
        picks.append(rows)
    return labels, accuracy, picks
