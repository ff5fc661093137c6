"""Which fault comes next and when, decided by a seed; and how far a run of many faults has come, in a file."""

import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.cluster import Cluster
from tests.cluster.faults import FAULTS_OF_SERVERS, Scene
from tests.cluster.pod_faults import FAULTS_OF_PODS
from tests.cluster.progress import tell

FAULTS = FAULTS_OF_PODS | FAULTS_OF_SERVERS
SECONDS_BETWEEN = (1.0, 10.0)
SECONDS_OF_PATIENCE = 300.0
"""How long there may be nothing to do a fault to."""


@dataclass
class Progress:
    """Faults whose campaigns have committed what they should, kept in a file so that a later run goes on from there.

    Attributes:
        file: where it is kept; None for a run that is to begin anew.
        seed: of the run.
        faults: how many are done, which is the number of the next.
        campaigns: how many have ended as they should.
    """

    file: Path | None
    seed: int
    faults: int = 0
    campaigns: int = 0

    @classmethod
    def read(cls, file: Path | None, seed: int) -> "Progress":
        """What the file says; from the beginning where there is none."""
        if file is None or not file.exists():
            return cls(file, seed)
        found = json.loads(file.read_text())
        assert found["seed"] == seed, f"{file} is of SEED={found['seed']}: name another file, or that seed"
        return cls(file, seed, found["faults"], found["campaigns"])

    def counts(self) -> Counter[str]:
        """How many of each kind are done."""
        return Counter(kind_of(self.seed, number) for number in range(self.faults))

    def keep(self, faults: int, campaigns: int) -> None:
        """Remember that so many are done."""
        self.faults, self.campaigns = faults, campaigns
        if self.file is not None:
            content = {"seed": self.seed, "faults": faults, "campaigns": campaigns, "kinds": self.counts()}
            unfinished = self.file.with_suffix(".unfinished")
            unfinished.write_text(json.dumps(content, indent=1))
            unfinished.replace(self.file)


class Disturbance:
    """Faults one after another: each kind once before any comes again; the seed decides their order and moments."""

    def __init__(self, cluster: Cluster, progress: Progress, until: int) -> None:
        self._cluster, self._seed, self._until = cluster, progress.seed, until
        self.next = progress.faults
        self._due = self._moment()
        self._given_up = self._due + SECONDS_OF_PATIENCE

    @property
    def left(self) -> int:
        """How many are still to be done."""
        return max(0, self._until - self.next)

    def act(self, campaigns: list[tuple[str, str]]) -> None:
        """Do the next fault if it is time for it and there is something to do it to; otherwise it comes later.

        Args:
            campaigns: root and workflow of each campaign that runs.

        Raises:
            AssertionError: for minutes there was nothing to do it to.
        """
        if not self.left or not campaigns or time.monotonic() < self._due:
            return
        kind, chance = kind_of(self._seed, self.next), random.Random(f"{self._seed} {self.next}")
        if FAULTS[kind](Scene(self._cluster, chance, *chance.choice(campaigns))):
            tell(f"fault {self.next + 1}: {kind}")
            self.next += 1
            self._due = self._moment()
            self._given_up = self._due + SECONDS_OF_PATIENCE
        else:
            assert time.monotonic() < self._given_up, (
                f"fault {self.next + 1} of SEED={self._seed} does not come: {kind}"
            )
            self._due = time.monotonic() + 1

    def _moment(self) -> float:
        return time.monotonic() + random.Random(f"when {self._seed} {self.next}").uniform(*SECONDS_BETWEEN)


def kind_of(seed: int, number: int) -> str:
    """The kind of a fault, by its number from 0."""
    turn, place = divmod(number, len(FAULTS))
    return random.Random(f"turn {seed} {turn}").sample(list(FAULTS), len(FAULTS))[place]
