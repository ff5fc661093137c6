"""Campaigns under faults end in the bytes of an undisturbed one: FAULTS= says how many, SEED= which and when.

A workflow that failed for good is submitted again, as pipelines/argo/README.md says. Nothing else is mended by hand.
"""

import os
import random
import time

import pytest

from tests.cluster.campaigns import Campaigns
from tests.cluster.cluster import Cluster
from tests.cluster.faults import FAULTS
from tests.cluster.progress import step, tell
from tests.cluster.workflows import ENDED
from tests.harness.committed_objects import committed_objects, damaged_objects

SECONDS_BETWEEN = (2.0, 25.0)
SECONDS_OF_A_CAMPAIGN = 1800
SUBMISSIONS = 12
"""More than these are no campaign that comes to its end."""


@pytest.fixture(scope="module")
def undisturbed(inside: Cluster, campaigns: Campaigns) -> tuple[str, dict[str, str]]:
    """A campaign before its first cycle, and what an undisturbed copy of it commits."""
    root = campaigns.begin("faults", "--budget", 8, "--batch", 8)
    copy = campaigns.copy(root, "faults-undisturbed")
    with step("run an undisturbed campaign"):
        inside.argo.succeed(inside.argo.submit("labelcycle-campaign", root=copy))
    return root, committed_objects(copy)


class Disturbance:
    """Faults one after another: each kind once before any comes again; a seed decides the order and the moments."""

    def __init__(self, cluster: Cluster, seed: int, count: int) -> None:
        self._cluster, self._chance, self.left = cluster, random.Random(seed), count
        self._order: list[str] = []
        self._next = time.monotonic() + self._chance.uniform(*SECONDS_BETWEEN)
        self.done: list[str] = []

    def act(self) -> None:
        """Do the next fault if it is time for it."""
        if not self.left or time.monotonic() < self._next:
            return
        self._order = self._order or self._chance.sample(list(FAULTS), len(FAULTS))
        kind = self._order.pop()
        if FAULTS[kind](self._cluster, self._chance):
            tell(f"fault {len(self.done) + 1}: {kind}")
            self.done.append(kind)
            self.left -= 1
        else:
            self._order.insert(0, kind)  # later, when there is a stage
        self._next = time.monotonic() + self._chance.uniform(*SECONDS_BETWEEN)


def phase(cluster: Cluster, name: str) -> str:
    """The phase of a workflow; empty while the API does not answer."""
    return cluster.kubectl.tried("get", "workflow", name, "--output=jsonpath={.status.phase}").stdout


def run_disturbed(cluster: Cluster, root: str, faults: Disturbance) -> list[str]:
    """Run a campaign to its end under faults; returns the phases that its workflows ended in."""
    ended: list[str] = []
    deadline = time.monotonic() + SECONDS_OF_A_CAMPAIGN
    while "Succeeded" not in ended:
        assert len(ended) < SUBMISSIONS, f"{root} does not come to its end: {ended}"
        name = submitted(cluster, root, deadline)
        while (now := phase(cluster, name)) not in ENDED:
            assert time.monotonic() < deadline, cluster.argo.told(name)
            faults.act()
            time.sleep(0.5)
        if now != "Succeeded":
            tell(f"{name}: {now}; submitted again")
        ended.append(now)
    return ended


def submitted(cluster: Cluster, root: str, deadline: float) -> str:
    """Submit the campaign, as soon as the API takes it; returns the workflow's name."""
    while True:
        try:
            return cluster.argo.submit("labelcycle-campaign", root=root)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def test_campaigns_under_faults_commit_what_an_undisturbed_one_does(
    inside: Cluster, campaigns: Campaigns, undisturbed: tuple[str, dict[str, str]]
) -> None:
    root, expected = undisturbed
    seed, count = int(os.environ.get("SEED") or 0), int(os.environ.get("FAULTS") or len(FAULTS))
    faults = Disturbance(inside, seed, count)
    number = 0
    while faults.left:
        number += 1
        disturbed = campaigns.copy(root, f"faults-{number}")
        with step(f"campaign {number} under faults"):
            ended = run_disturbed(inside, disturbed, faults)
        tell(f"campaign {number}: {len(faults.done)} faults so far; workflows ended {', '.join(ended)}")
        assert damaged_objects(disturbed) == []
        assert committed_objects(disturbed) == expected
