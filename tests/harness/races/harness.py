"""Race after race, until there were enough or the time is over."""

import itertools
import random
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.harness.chaos.data import Data
from tests.harness.chaos.harness import prepare
from tests.harness.chaos.imports import share_s3_client
from tests.harness.chaos.s3_server import s3_server
from tests.harness.chaos.trial import Bench, Reference, undisturbed
from tests.harness.chaos.workloads import workload
from tests.harness.races.kinds import KINDS, Kind
from tests.harness.races.race import Raced, race


@dataclass(frozen=True)
class Order:
    """How many races of which kinds and in which stores, within how many seconds, by which seed."""

    races: int
    seed: int
    seconds: float
    stores: tuple[str, ...]
    kinds: tuple[str, ...]


def run_races(order: Order, scratch: Path) -> list[Raced]:
    """Run races by order; each kind in each store in turn."""
    began = time.monotonic()
    kinds = [kind for kind in KINDS if kind.name in order.kinds]
    prepare([workload(kind.workload) for kind in kinds], scratch)
    pairs = [(store, kind) for store, kind in itertools.product(order.stores, kinds) if store in kind.stores]
    random.Random(order.seed).shuffle(pairs)
    done: list[Raced] = []
    with ExitStack() as stack:
        s3 = stack.enter_context(s3_server()) if "s3" in order.stores else {}
        if s3:
            share_s3_client(s3)
        bench = Bench(Data(scratch / "data"), scratch, s3)
        references: dict[tuple[str, str], Reference] = {}
        for number, (store, kind) in enumerate(itertools.islice(itertools.cycle(pairs), order.races)):
            if time.monotonic() - began > order.seconds:
                break
            seed = f"{order.seed}/{number}"
            runners = kind.runners(random.Random(seed))
            reference = _reference(references, bench, store, kind)
            done.append(race(bench, store, kind.name, seed, workload(kind.workload), runners, reference))
    return done


def _reference(known: dict[tuple[str, str], Reference], bench: Bench, store: str, kind: Kind) -> Reference | None:
    if not kind.same:
        return None
    if (store, kind.workload) not in known:
        known[store, kind.workload] = undisturbed(bench, store, workload(kind.workload))
    return known[store, kind.workload]
