"""The processes that race: what each does, when it begins, and how its machine differs."""

import contextlib
import dataclasses
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from tests.harness.chaos import operator
from tests.harness.chaos.data import Data
from tests.harness.chaos.workloads import Workload

PAUSE = 0.05
"""Seconds that a scheduled loop waits between two runs, and ingest between two looks."""


@dataclass(frozen=True)
class Runner:
    """One process.

    Attributes:
        role: what it does, a key of `ROLES`.
        delay: seconds after which it begins.
        shards: parts that it splits embed and score into.
        machine: 0 for one that computes as the others do; other numbers for hardware with other results.
    """

    role: str = "operate"
    delay: float = 0.0
    shards: int = 1
    machine: int = 0

    def work(self, root: str, workload: Workload, data: Data) -> int:
        """Do it. Returns the exit code."""
        time.sleep(self.delay)
        if self.machine:
            compute_otherwise(self.machine)
        return ROLES[self.role](root, dataclasses.replace(workload, shards=self.shards), data)


def compute_otherwise(machine: int) -> None:
    """Let this process's trainings come to other weights, as on hardware that adds in another order, only more so."""
    from labelcycle.components.core.models.head import NormalisedHead

    stored = NormalisedHead.to_bytes

    def other_bytes(head: Any) -> bytes:
        noise = np.random.default_rng(machine).normal(scale=0.5, size=head.weight.shape)
        return stored(dataclasses.replace(head, weight=(head.weight + noise).astype(np.float32)))

    NormalisedHead.to_bytes = other_bytes  # type: ignore[method-assign]


def operate(root: str, workload: Workload, data: Data) -> int:
    """All that an operator does, from init on."""
    return operator.carry_on(root, workload, data)


def run(root: str, workload: Workload, _: Data) -> int:
    """`labelcycle run`: cycle after cycle."""
    while (decision := operator.run_cycle(root, workload.shards)) not in ("wait", "done"):
        pass
    return operator.WAITING if decision == "wait" else operator.DONE


def schedule(root: str, workload: Workload, _: Data) -> int:
    """A schedule: one cycle at a time, again and again, also where the last run found nothing to do."""
    while read_state(open_store(root)).phase != "done":
        operator.run_cycle(root, workload.shards)
        time.sleep(PAUSE)
    return operator.DONE


def ingest(root: str, workload: Workload, _: Data) -> int:
    """label_ingest again and again, whatever others do, as where every new label starts a run that is cut short."""
    from labelcycle.components.label_ingest.stage import run as label_ingest

    while label_ingest(root=root).decision != "done":
        time.sleep(PAUSE)
    return operator.DONE


def finalize(root: str, workload: Workload, _: Data) -> int:
    """`labelcycle finalize --end-early`, as soon as a model was trained."""
    while not read_state(open_store(root)).trained:
        time.sleep(PAUSE)
    operator.run_cycle(root, workload.shards, finalize=True)
    return operator.DONE


def promote(root: str, workload: Workload, _: Data) -> int:
    """`labelcycle promote` of every model in turn, as soon as all are trained."""
    from labelcycle.components.tracking.promoting import promote, trained_commits
    from labelcycle.components.tracking.promotion import Gate

    store = open_store(root)
    while (state := read_state(store)).phase != "done":
        time.sleep(PAUSE)
    for commit in trained_commits(state):
        promote(store, state, commit, Gate(tolerance=1.0, class_margin=1.0), force="a race")
    return operator.DONE


def people(root: str, workload: Workload, _: Data) -> int:
    """People who answer a sample here and a sample there, while runs read their answers."""
    from tests.harness.chaos.people import label_some

    generator = random.Random(root)
    while (state := read_state(open_store(root))).phase != "done":
        if state.commits:
            label_some(root, generator)
        time.sleep(PAUSE)
    return operator.DONE


def await_labels(root: str, workload: Workload, data: Data) -> int:
    """`labelcycle run`, started again whenever it ends for lack of labels."""
    while run(root, workload, data) == operator.WAITING:
        time.sleep(PAUSE)
    return operator.DONE


def amend(root: str, workload: Workload, _: Data) -> int:
    """`labelcycle amend`, three times at any moment: another name for a class, another class, and more labels.

    A class that somebody else has renamed meanwhile is refused, which is no fault.
    """
    from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign

    store, me = open_store(root), os.getpid()
    generator = random.Random(f"{root} {me}")
    for number in range(3):
        time.sleep(generator.uniform(0.0, 1.0))
        campaign = read_state(store).campaign
        name = generator.choice(campaign.classes)
        wanted = WantedChanges(
            budget=campaign.budget + 1, renamed=[f"{name}={name} {me}"], classes=[f"+new {me} {number}"]
        )
        with contextlib.suppress(ConfigurationError):
            amend_campaign(store, wanted, "a race")
    return operator.DONE


ROLES: dict[str, Callable[[str, Workload, Data], int]] = {
    one.__name__: one for one in (operate, run, schedule, ingest, finalize, promote, people, await_labels, amend)
}
