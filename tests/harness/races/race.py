"""One race: processes on one campaign at once, and what must hold when all of them have ended."""

import time
from dataclasses import dataclass, field
from typing import Any

from tests.harness.chaos import operator
from tests.harness.chaos.data import Data
from tests.harness.chaos.examine import differing
from tests.harness.chaos.forking import fork, wait
from tests.harness.chaos.trial import Bench, Place, Reference, lines
from tests.harness.chaos.workloads import Workload
from tests.harness.races.fairness import unfair
from tests.harness.races.runners import Runner

CLEAN = (operator.DONE, operator.WAITING)


@dataclass
class Raced:
    """What a race came to.

    Attributes:
        kind: its name.
        store: folder or s3.
        seed: its own.
        runners: processes that took part.
        violations: what was broken, in words.
        seconds: that it took.
    """

    kind: str
    store: str
    seed: str
    runners: int
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


def race(
    bench: Bench,
    store: str,
    kind: str,
    seed: str,
    workload: Workload,
    runners: list[Runner],
    reference: Reference | None,
) -> Raced:
    """Begin a campaign, let the runners race, and look.

    Args:
        bench: where.
        store: folder or s3.
        kind: the race's name.
        seed: its own.
        workload: the campaign.
        runners: who races; where none of them begins the campaign, it is begun for them.
        reference: what an undisturbed campaign ends with; None where runs do not all come to the same.
    """
    began = time.monotonic()
    raced = Raced(kind, store, seed, len(runners))
    place = bench.place(store)
    if all(runner.role != "operate" for runner in runners):
        place.ask(lambda: operator.begin(place.root, workload, bench.data))
    processes = [_start(place, workload, bench.data, runner, number) for number, runner in enumerate(runners)]
    for (pid, started), runner, number in zip(processes, runners, range(len(runners)), strict=True):
        ended = wait(pid, started)
        if ended.code not in CLEAN:
            log = (place.folder / f"runner-{number}" / "log.txt").read_text(errors="replace")
            raced.violations.append(f"the {runner.role} of runner {number} ended with {ended.code}: {log[-1500:]}")
    raced.violations += _winners(place, len(runners))
    try:
        found = place.examine()
        raced.violations += found["problems"] + place.ask(lambda: unfair(place.root))
        if reference is not None:
            raced.violations += [f"{key} differs" for key in differing(found, reference.found) if key != "promotions"]
        if not raced.violations:
            place.remove()
    except RuntimeError as error:
        raced.violations.append(f"the campaign cannot be read: {error}")
    raced.seconds = time.monotonic() - began
    return raced


def _start(place: Place, workload: Workload, data: Data, runner: Runner, number: int) -> tuple[int, float]:
    folder = place.folder / f"runner-{number}"
    folder.mkdir()
    environment = {**place.environment, "TMPDIR": str(folder), "LABELCYCLE_EVENTS": str(folder / "events.jsonl")}
    return fork(lambda: runner.work(place.root, workload, data), folder, environment), time.monotonic()


def _winners(place: Place, runners: int) -> list[str]:
    """Whether all who say that they have committed a cycle have committed the same."""
    winners: dict[int, set[str]] = {}
    for number in range(runners):
        for event in lines(place.folder / f"runner-{number}" / "events.jsonl"):
            facts: dict[str, Any] = event.get("facts") or {}
            if event["event"] == "finished" and facts.get("committed"):
                winners.setdefault(facts["cycle"], set()).add(facts["report"])
    return [f"cycle {cycle} has {len(who)} winners" for cycle, who in winners.items() if len(who) > 1]
