"""Cycles and predictions as runs of Kubeflow Pipelines' own backend, submitted as users do."""

import io
import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.storage import open_store
from tests.cluster.campaigns import BUCKET, DATA, Campaigns
from tests.cluster.cluster import Cluster
from tests.cluster.kubeflow_backend import KubeflowBackend, kubeflow_on
from tests.cluster.kubeflow_servers import database_obstacle
from tests.cluster.progress import tell
from tests.cluster.test_campaign import STAGES
from tests.cluster.workflows import nodes_of
from tests.conftest import CLASSES
from tests.harness.committed_objects import damaged_objects

VARIABLE = "KUBEFLOW"

STAGE = r"\.([a-z-]+)\(\d+\)\.executor\(\d+\)$"
"""The end of the name that Argo gives a stage's pod; all other pods are drivers."""


@pytest.fixture(scope="module")
def kubeflow_allowed() -> None:
    """Skip, and say why, where the backend is not asked for or cannot be."""
    if os.environ.get(VARIABLE) != "1":
        pytest.skip(f"takes half an hour, and builds Kubeflow Pipelines: make test-cluster {VARIABLE}=1")
    if reason := database_obstacle():
        pytest.skip(f"Kubeflow Pipelines {reason}")


@pytest.fixture(scope="module")
def kubeflow(kubeflow_allowed: None, inside: Cluster) -> Iterator[KubeflowBackend]:
    """The backend, beside Argo's own campaigns."""
    with kubeflow_on(inside) as backend:
        yield backend


def succeed(kubeflow: KubeflowBackend, what: str, root: str, *further: object) -> Counter[str]:
    """Submit, see the run succeed, and print what it took; returns how many pods each stage had."""
    run = kubeflow.run(kubeflow.submit(root, *further))
    pods = nodes_of(kubeflow.workflow(run))
    named = [re.search(STAGE, pod["name"]) for pod in pods]
    stages = Counter(found[1] for found in named if found)
    took = datetime.fromisoformat(run["finished_at"]) - datetime.fromisoformat(run["created_at"])
    tell(f"{what}: {run['state']} after {took.total_seconds():.0f} s, {len(pods)} pods, of them {dict(stages)}")
    assert run["state"] == "SUCCEEDED"
    return stages


@pytest.fixture(scope="module")
def trained(kubeflow: KubeflowBackend, campaigns: Campaigns) -> str:
    """The root of a campaign that Kubeflow Pipelines began and trained once."""
    root = campaigns.begin("on-kubeflow", "--budget", 16, "--batch", 8)
    cold = succeed(kubeflow, "cold start", root)
    assert cold == {"label-ingest": 1, "embed": 1, "select": 1, "publish": 1}
    assert succeed(kubeflow, "trained cycle", root) == STAGES
    return root


def test_a_campaign_begins_and_trains(campaigns: Campaigns, trained: str) -> None:
    facts = campaigns.status(trained)
    assert facts["cold_start"] == {"cycle": 0, "query_size": 8}
    assert [(one["cycle"], one["labels"]) for one in facts["cycles"]] == [(1, 8)]
    assert damaged_objects(trained) == []


def test_the_pool_is_classified_in_shards_as_in_one_process(
    kubeflow: KubeflowBackend, campaigns: Campaigns, trained: str
) -> None:
    alone = campaigns.copy(trained, "kubeflow-classified-here")
    kubeflow.cluster.labelcycle("predict", alone, "--pool", "--output", f"{alone}/pool.parquet")
    wanted = ("--predict", "--shards", 3, "--output", f"{trained}/pool.parquet")
    stages = succeed(kubeflow, "predictions of the pool", trained, *wanted)
    assert stages == {"prediction-start": 1, "prediction-parts": 3, "prediction-commit": 1}
    kept = predictions(trained)
    assert kept == predictions(alone)
    assert open_store(trained).read("pool.parquet") == open_store(alone).read("pool.parquet")
    written = times(campaigns, trained)
    succeed(kubeflow, "the same predictions again", trained, *wanted)
    assert predictions(trained) == kept
    assert times(campaigns, trained) == written


def predictions(root: str) -> dict[str, bytes]:
    """What a root holds of predictions."""
    store = open_store(root)
    return {key: store.read(key) for key in store.keys("predictions/")}


def times(campaigns: Campaigns, root: str) -> dict[str, Any]:
    """When each object of the predictions was written."""
    prefix = f"{root.removeprefix(f's3://{BUCKET}/')}/predictions/"
    found = campaigns.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    return {one["Key"]: one["LastModified"] for one in found}


def test_new_images_are_classified_and_damaged_ones_named(
    kubeflow: KubeflowBackend, campaigns: Campaigns, trained: str
) -> None:
    for number, key in enumerate(campaigns.keys("images/", DATA)[:5]):
        place = {"Bucket": DATA, "Key": f"new-on-kubeflow/{number}.png"}
        campaigns.client.copy_object(CopySource={"Bucket": DATA, "Key": key}, **place)
    campaigns.client.put_object(Bucket=DATA, Key="new-on-kubeflow/damaged.png", Body=b"not an image")
    wanted = ("--images", f"s3://{DATA}/new-on-kubeflow", "--shards", 2, "--output", f"{trained}/new.parquet")
    stages = succeed(kubeflow, "predictions of new images", trained, "--predict", *wanted)
    assert stages["prediction-parts"] == 2
    rows = pq.read_table(io.BytesIO(open_store(trained).read("new.parquet"))).to_pylist()
    reasons = {row["sample_id"]: row["reason"] for row in rows}
    assert reasons.pop("damaged.png") and reasons == {f"{number}.png": None for number in range(5)}
    assert all(row["predicted"] in CLASSES for row in rows if row["reason"] is None)
