"""A campaign that waits for people, in a suspended workflow without a pod."""

import csv
import io
import time

from tests.cluster.campaigns import BUCKET, Campaigns
from tests.cluster.cluster import Cluster
from tests.cluster.namespaces import await_that
from tests.cluster.workflows import nodes_of


def waiting(cluster: Cluster, name: str, times: int, seconds: float = 600) -> None:
    """Wait until a workflow waits for labels for the so-many-th time.

    Raises:
        AssertionError: it ended, or does not in this time; what it says is in the message.
    """
    deadline = time.monotonic() + seconds
    while True:
        workflow = cluster.argo.workflow(name)
        suspended = nodes_of(workflow, "Suspend") if "nodes" in workflow.get("status", {}) else []
        if len(suspended) == times and suspended[-1]["phase"] == "Running":
            return
        ended = workflow.get("status", {}).get("phase") not in (None, "Pending", "Running")
        assert not ended and time.monotonic() < deadline, cluster.argo.told(name)
        time.sleep(2)


def test_the_workflow_waits_for_labels_and_again_after_an_early_resume(cluster: Cluster, campaigns: Campaigns) -> None:
    root = campaigns.begin("people", "--budget", 8, "--batch", 8, answered=False)
    name = cluster.argo.submit("labelcycle-campaign", root=root)
    waiting(cluster, name, times=1)
    assert campaigns.status(root)["state"] == "labelling"
    own = f"--selector=workflows.argoproj.io/workflow={name}"
    await_that(lambda: cluster.kubectl.get("pods", own)["items"] == [], "the workflow has no pod")

    cluster.argo("resume", name)
    waiting(cluster, name, times=2)

    [query] = [key for key in campaigns.keys("people/queries/") if key.endswith(".csv")]
    asked = csv.DictReader(io.StringIO(campaigns.client.get_object(Bucket=BUCKET, Key=query)["Body"].read().decode()))
    answers = dict(csv.reader(campaigns.labels.read_text().splitlines()))
    lines = ["sample_id,label", *(f"{row['sample_id']},{answers[row['sample_id']]}" for row in asked)]
    campaigns.client.put_object(Bucket=BUCKET, Key="answers.csv", Body="\n".join(lines).encode())
    supplied = f"--output-parameter=labels_from=s3://{BUCKET}/answers.csv"
    cluster.argo("node", "set", name, "--node-field-selector=displayName=labels", supplied)
    cluster.argo("resume", name)
    cluster.argo.succeed(name)
    assert campaigns.status(root)["state"] == "done"
