"""The kinds of races: who takes part, on which campaign, and whether all must end as an undisturbed one does."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.harness.races.runners import Runner


@dataclass(frozen=True)
class Kind:
    """A kind of race.

    Attributes:
        name: short, for tables.
        workload: the campaign's name.
        runners: draws who takes part.
        same: whether the campaign must end as an undisturbed one, byte for byte.
        stores: where it is run.
    """

    name: str
    workload: str
    runners: Callable[[random.Random], list[Runner]]
    same: bool = True
    stores: tuple[str, ...] = ("folder", "s3")


def _delays(generator: random.Random, count: int, most: float = 1.0) -> list[float]:
    return [generator.uniform(0.0, most) for _ in range(count)]


def _alike(count: int) -> Callable[[random.Random], list[Runner]]:
    return lambda generator: [Runner(delay=delay) for delay in _delays(generator, count)]


def _other_shards(generator: random.Random) -> list[Runner]:
    return [Runner(delay=delay, shards=shards) for delay, shards in zip(_delays(generator, 3), (1, 2, 3), strict=True)]


def _other_machines(generator: random.Random) -> list[Runner]:
    return [Runner("run", delay, machine=machine) for machine, delay in enumerate(_delays(generator, 3))]


def _ingest_while_others_work(generator: random.Random) -> list[Runner]:
    return [Runner("run"), *(Runner("ingest", delay) for delay in _delays(generator, 2))]


def _two_schedules(generator: random.Random) -> list[Runner]:
    return [Runner("schedule", delay) for delay in _delays(generator, 2)]


def _promote_twice(generator: random.Random) -> list[Runner]:
    return [Runner("run"), *(Runner("promote", delay) for delay in _delays(generator, 3))]


def _finalize_while_run(generator: random.Random) -> list[Runner]:
    return [Runner("run"), *(Runner("finalize", delay) for delay in _delays(generator, 2))]


def _people_and_runs(generator: random.Random) -> list[Runner]:
    return [Runner("people"), *(Runner("await_labels", delay) for delay in _delays(generator, 2))]


def _amend_while_run(generator: random.Random) -> list[Runner]:
    return [
        *(Runner("schedule", delay) for delay in _delays(generator, 2)),
        *(Runner("amend", delay) for delay in _delays(generator, 2)),
    ]


KINDS = (
    Kind("two runners", "probe", _alike(2)),
    Kind("ten runners", "shards", _alike(10)),
    Kind("other shard counts", "quick", _other_shards),
    Kind("other machines", "probe", _other_machines, same=False),
    Kind("ingest while others work", "probe", _ingest_while_others_work),
    Kind("two schedules", "quick", _two_schedules),
    Kind("promote three times", "probe", _promote_twice),
    Kind("finalize while run", "lp_ft", _finalize_while_run, same=False),
    Kind("amend while run", "quick", _amend_while_run, same=False),
    Kind("people and two runs", "people", _people_and_runs, same=False),
)
