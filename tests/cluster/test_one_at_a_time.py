"""One cycle of a campaign at a time: the lock named by its root, and the schedule that skips what it finds running."""

import hashlib
import time

from tests.cluster.campaigns import Campaigns
from tests.cluster.cluster import Cluster
from tests.cluster.workflows import nodes_of

HOLDER = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: holder}}
spec:
  entrypoint: hold
  serviceAccountName: labelcycle-stage
  templates:
    - name: hold
      steps: [[{{name: wait, template: wait}}]]
      synchronization: {{mutexes: [{{name: labelcycle-{digest}}}]}}
    - name: wait
      suspend: {{}}
"""
"""A workflow that has the lock of a campaign, as a cycle of it would, until somebody resumes it."""

EVERY_MINUTE = '[{"op": "replace", "path": "/spec/schedules", "value": ["* * * * *"]}]'


def of_schedule(cluster: Cluster) -> list[str]:
    """Names of the workflows that the schedule has started, in order."""
    selector = "--selector=workflows.argoproj.io/cron-workflow=labelcycle-cycle"
    found = cluster.kubectl.get("workflows", selector, "--sort-by=.metadata.creationTimestamp")["items"]
    return [one["metadata"]["name"] for one in found]


def test_schedule_and_lock(cluster: Cluster, campaigns: Campaigns) -> None:
    """While a lock is held the schedule starts one workflow, which waits, and no second one, for two minutes."""
    root, other = (campaigns.begin(name, "--budget", 8, "--batch", 8) for name in ("locked", "free"))
    cluster.kubectl.apply(HOLDER.format(digest=hashlib.sha256(root.encode()).hexdigest()))
    cluster.labelcycle("argo", "--output", cluster.folder / "scheduled", "--image", cluster.image, "--root", root)
    schedule = next((cluster.folder / "scheduled").rglob("schedule.yaml"))
    cluster.kubectl("apply", f"--filename={schedule}")
    cluster.kubectl("patch", "cronworkflow", "labelcycle-cycle", "--type=json", f"--patch={EVERY_MINUTE}")
    cluster.argo("cron", "resume", "labelcycle-cycle")

    free = cluster.argo.submit(root=other)
    deadline = time.monotonic() + 180
    while not of_schedule(cluster):
        assert time.monotonic() < deadline, cluster.argo("cron", "get", "labelcycle-cycle")
        time.sleep(2)
    cluster.argo.succeed(free)

    skipped_until = time.monotonic() + 130
    while time.monotonic() < skipped_until:
        [locked] = of_schedule(cluster)
        assert nodes_of(cluster.argo.workflow(locked)) == []
        time.sleep(10)
    cluster.argo("cron", "suspend", "labelcycle-cycle")
    cluster.argo("resume", "holder")
    cluster.argo.succeed(locked)
    assert len(of_schedule(cluster)) == 1
    assert all(campaigns.status(one)["cold_start"] for one in (root, other))


def test_two_submissions_for_one_root_take_turns(cluster: Cluster, campaigns: Campaigns) -> None:
    root = campaigns.begin("twice", "--budget", 8, "--batch", 8)
    names = [cluster.argo.submit(root=root) for _ in range(2)]
    first, second = sorted(
        ([(node["startedAt"], node["finishedAt"]) for node in nodes_of(cluster.argo.succeed(name))] for name in names),
        key=lambda times: times[0],
    )
    assert max(end for _, end in first) <= min(begin for begin, _ in second)
