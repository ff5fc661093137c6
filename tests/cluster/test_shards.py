"""What shards cost: SHARDS=8,32 runs a trained cycle in so many, and prints its times and the size of its object."""

import json
import os

import pytest

from tests.cluster.campaigns import Campaigns
from tests.cluster.cluster import Cluster
from tests.cluster.pod_times import recorded, table
from tests.cluster.progress import tell
from tests.cluster.test_campaign import stages_of, timings_of
from tests.harness.committed_objects import committed_objects

VARIABLE = "SHARDS"
MOST_BYTES = 1_000_000
"""Of an object in etcd, with room for what Argo adds while it runs."""

SECONDS = 3600


def test_many_shards_give_the_same_bytes(inside: Cluster, campaigns: Campaigns) -> None:
    """The object is measured as Argo leaves it, its status compressed once it is too large as it is."""
    wished = os.environ.get(VARIABLE)
    if not wished:
        pytest.skip(f"takes ten minutes: make test-cluster {VARIABLE}=8,32")
    root = campaigns.begin("shards", "--budget", 8, "--batch", 8)
    inside.argo.succeed(inside.argo.submit(root=root))
    copies = {int(number): campaigns.copy(root, f"shards-{number}") for number in wished.split(",")}
    inside.argo.succeed(inside.argo.submit(root=root))
    for number, copy in copies.items():
        with recorded(inside.kubectl) as recorder:
            ended = inside.argo.succeed(inside.argo.submit(root=copy, shards=number), SECONDS)
        tell(table(ended, recorder.pods, timings_of(copy, 1)))
        status = ended["status"]
        tell(f"{number} shards: {len(status.get('nodes', {}))} nodes, compressed: {'compressedNodes' in status}")
        assert stages_of(ended)["score"] == number
        assert len(json.dumps(ended, separators=(",", ":"))) < MOST_BYTES
        assert committed_objects(copy) == committed_objects(root)
