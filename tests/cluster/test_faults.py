"""Campaigns under faults end in the bytes of an undisturbed one: FAULTS= says how many, SEED= which and when.

Two campaigns run at a time, so that while one ends there is another to disturb. A workflow that failed for good, or
that a fault has deleted, is submitted again, as pipelines/argo/README.md says. Nothing else is mended by hand. With
FAULTS= a run goes on where the last one with that seed has ended.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster.cache import cache_folder
from tests.cluster.campaigns import Campaigns
from tests.cluster.cluster import Cluster
from tests.cluster.disturbance import FAULTS, Disturbance, Progress
from tests.cluster.progress import step, tell
from tests.cluster.workflows import ENDED
from tests.harness.committed_objects import committed_objects, damaged_objects

CAMPAIGNS_AT_ONCE = 2
SECONDS_OF_A_CAMPAIGN = 2400
SUBMISSIONS = 20
"""More than these are no campaign that comes to its end."""

DELETED = "Deleted"


@pytest.fixture(scope="module")
def undisturbed(inside: Cluster, campaigns: Campaigns, embeddings: Path) -> tuple[str, dict[str, str]]:
    """A campaign before its first cycle, and what an undisturbed copy of it commits."""
    root = campaigns.begin_on_embeddings("faults", embeddings, "--budget", 16, "--batch", 8)
    copy = campaigns.copy(root, "faults-undisturbed")
    with step("run an undisturbed campaign"):
        inside.argo.succeed(inside.argo.submit("labelcycle-campaign", root=copy))
    return root, committed_objects(copy)


@dataclass
class Disturbed:
    """A campaign under faults.

    Attributes:
        root: the campaign.
        first_fault: number of the first fault that may have met it.
        began: when, by the clock.
        workflow: the one that runs it now; empty before it is submitted.
        ended: the phases that its workflows have ended in.
    """

    root: str
    first_fault: int
    began: float = field(default_factory=time.monotonic)
    workflow: str = ""
    ended: list[str] = field(default_factory=list)

    def look(self, cluster: Cluster) -> bool:
        """Whether it has come to its end; a workflow that ended otherwise is submitted again.

        Raises:
            AssertionError: it does not come to its end.
        """
        assert time.monotonic() - self.began < SECONDS_OF_A_CAMPAIGN, f"{self.root}: {cluster.argo.told(self.workflow)}"
        assert len(self.ended) < SUBMISSIONS, f"{self.root} does not come to its end: {self.ended}"
        if not self.workflow:
            self.workflow = submitted(cluster, self.root)
            return False
        phase, why = outcome(cluster, self.workflow)
        if phase not in (*ENDED, DELETED):
            return False
        self.ended.append(phase)
        if phase != "Succeeded":
            tell(f"{self.workflow} of {self.root}: {phase}; {why}")
            self.workflow = ""
        return phase == "Succeeded"


def submitted(cluster: Cluster, root: str) -> str:
    """Submit the campaign; returns the workflow's name, empty while the API does not take it."""
    try:
        return cluster.argo.submit("labelcycle-campaign", root=root)
    except AssertionError:
        return ""


def outcome(cluster: Cluster, name: str) -> tuple[str, str]:
    """The phase of a workflow and its message; empty while the API does not answer."""
    done = cluster.kubectl.tried("get", "workflow", name, "--output=jsonpath={.status.phase} {.status.message}")
    if "NotFound" in done.stderr:
        return DELETED, "as a fault has it"
    phase, _, why = done.stdout.partition(" ")
    return phase, why


def others_ended(cluster: Cluster, root: str) -> bool:
    """Whether no further workflow of this root is under way."""
    done = cluster.kubectl.tried(
        "get",
        "workflows",
        "--output=jsonpath={range .items[*]}{.status.phase} {.spec.arguments.parameters[*].value}{'\\n'}{end}",
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    return done.returncode == 0 and all(row[0] in ENDED for row in rows if root in row)


def test_campaigns_under_faults_commit_what_an_undisturbed_one_does(
    inside: Cluster, campaigns: Campaigns, undisturbed: tuple[str, dict[str, str]]
) -> None:
    root, expected = undisturbed
    seed, wished = int(os.environ.get("SEED") or 0), os.environ.get("FAULTS")
    file = cache_folder() / f"faults-of-seed-{seed}.json" if wished else None
    progress = Progress.read(file, seed)
    count = int(wished or len(FAULTS))
    assert progress.faults < count, f"All {count} faults of {file} are done: raise FAULTS, or remove the file"
    faults, running, begun = Disturbance(inside, progress, count), list[Disturbed](), progress.campaigns
    while faults.left or running:
        while faults.left and len(running) < CAMPAIGNS_AT_ONCE:
            begun += 1
            running.append(Disturbed(campaigns.copy(root, f"faults-{begun}"), faults.next))
        faults.act([(one.root, one.workflow) for one in running if one.workflow])
        for one in [one for one in running if one.look(inside)]:
            if not others_ended(inside, one.root):
                one.ended.pop()
                continue
            assert damaged_objects(one.root) == []
            assert committed_objects(one.root) == expected
            running.remove(one)
            progress.keep(min([faults.next, *(each.first_fault for each in running)]), progress.campaigns + 1)
            seconds = time.monotonic() - one.began
            tell(f"{one.root} is as it should be after {seconds:.0f} s; its workflows: {', '.join(one.ended)}")
        time.sleep(0.5)
    tell(f"{progress.faults} faults in {progress.campaigns} campaigns: {dict(progress.counts())}")
