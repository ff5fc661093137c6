"""The harness: workers that make trial after trial until there were enough kills, or the time is over."""

import itertools
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.harness.chaos.data import Data, make_data
from tests.harness.chaos.every_write import every_write
from tests.harness.chaos.forking import answer_of, fork, wait
from tests.harness.chaos.imports import draw_quickly, import_everything, share_s3_client
from tests.harness.chaos.s3_server import s3_server
from tests.harness.chaos.trial import Bench, Outcome, Reference, lines, planned_trial, random_trial, undisturbed
from tests.harness.chaos.workloads import Workload, workload


@dataclass(frozen=True)
class Order:
    """What the harness is to do.

    Attributes:
        kills: how many at least.
        seed: of all that is drawn.
        seconds: after which no further trial begins.
        stores: folder, s3.
        workloads: names.
        workers: processes that make trials side by side.
        every_write: whether to kill at every write of each kind of campaign, and not at random.
    """

    kills: int
    seed: int
    seconds: float
    stores: tuple[str, ...]
    workloads: tuple[str, ...]
    workers: int = 2
    every_write: bool = False

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Every store with every workload, in an order of the seed's."""
        kinds = [
            (store, name)
            for store, name in itertools.product(self.stores, self.workloads)
            if store in workload(name).stores and not (self.every_write and workload(name).by_command)
        ]
        random.Random(self.seed).shuffle(kinds)
        return kinds


def run_chaos(order: Order, scratch: Path) -> list[Outcome]:
    """Make trials by order. Returns what each came to.

    Raises:
        RuntimeError: a worker failed, or a campaign fails even undisturbed.
    """
    began = time.monotonic()
    prepare([workload(name) for name in order.workloads], scratch)
    workers = []
    for number in range(order.workers):
        folder = scratch / f"worker-{number}"
        folder.mkdir()
        workers.append((fork(lambda n=number, at=folder: _worker(order, n, at, scratch, began), folder, {}), folder))
    outcomes: list[Outcome] = []
    failed = []
    for pid, folder in workers:
        ended = wait(pid, began, limit=order.seconds + 1800)
        outcomes += [Outcome(**line) for line in lines(folder / "outcomes.jsonl")]
        if ended.code != 0:
            failed.append(f"a worker ended with {ended.code}:\n{(folder / 'log.txt').read_text()[-4000:]}")
    if failed:
        raise RuntimeError("\n".join(failed))
    return outcomes


def prepare(workloads: list[Workload], scratch: Path) -> None:
    """Import what these campaigns need, and write their data to the scratch folder."""
    import_everything(workloads)
    draw_quickly()
    captions = any(one.captions for one in workloads)
    answer_of(lambda: make_data(scratch / "data", captions), scratch, {})


def _worker(order: Order, number: int, folder: Path, scratch: Path, began: float) -> int:
    """Make every so-manieth trial, and write what it came to."""
    with ExitStack() as stack:
        s3 = stack.enter_context(s3_server()) if "s3" in order.stores else {}
        if s3:
            share_s3_client(s3)
        bench = Bench(Data(scratch / "data"), folder, s3)
        for outcome in _systematic(order, number, bench) if order.every_write else _random(order, number, bench):
            with (folder / "outcomes.jsonl").open("a") as file:
                file.write(json.dumps(asdict(outcome)) + "\n")
            print(f"{outcome.workload} on {outcome.store}, killed in {outcome.killed_in}", file=sys.stderr)
            if time.monotonic() - began > order.seconds:
                break
    return os.EX_OK


def _random(order: Order, number: int, bench: Bench) -> Iterator[Outcome]:
    """Trials of one kind after another, until there were enough kills."""
    references: dict[tuple[str, str], Reference] = {}
    wanted, kills = -(-order.kills // order.workers), 0
    for trial in itertools.count(number, order.workers):
        if kills >= wanted:
            return
        store, name = order.kinds[(trial // order.workers + number * len(order.kinds) // 2) % len(order.kinds)]
        if (store, name) not in references:
            references[store, name] = undisturbed(bench, store, workload(name))
        outcome = random_trial(bench, store, workload(name), references[store, name], f"{order.seed}/{trial}")
        kills += len(outcome.plans)
        yield outcome


def _systematic(order: Order, number: int, bench: Bench) -> Iterator[Outcome]:
    """Trials that together are killed at every write."""
    for store, name in order.kinds:
        reference = undisturbed(bench, store, workload(name))
        for trial, points in enumerate(every_write(reference, store == "s3")):
            if trial % order.workers == number:
                yield planned_trial(bench, store, workload(name), reference, points, f"{store}/{name}/{trial}")
