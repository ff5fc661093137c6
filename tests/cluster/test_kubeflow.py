"""Cycles and predictions as runs of Kubeflow Pipelines' own backend, submitted as users do."""

import io
import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.prediction.prediction_plan import POOL_ROWS
from tests.cluster.campaigns import BUCKET, DATA, Campaigns
from tests.cluster.cluster import HERE, Cluster
from tests.cluster.kubeflow_backend import KubeflowBackend, kubeflow_on
from tests.cluster.kubeflow_servers import ADDRESS, database_obstacle
from tests.cluster.namespaces import await_that
from tests.cluster.progress import tell
from tests.cluster.test_doctor import examined
from tests.cluster.workflows import nodes_of
from tests.conftest import CLASSES
from tests.harness.committed_objects import damaged_objects

VARIABLE = "KUBEFLOW"

pytestmark = [
    pytest.mark.skipif(
        os.environ.get(VARIABLE) != "1",
        reason=f"builds Kubeflow Pipelines and takes half an hour: run make test-cluster {VARIABLE}=1",
    ),
    pytest.mark.skipif(database_obstacle() is not None, reason=f"Kubeflow Pipelines {database_obstacle()}"),
]

STAGE = r"\.([a-z-]+?)(?:-\d+)?\(\d+\)\.executor\(\d+\)$"
"""The end of the name that Argo gives a stage's pod; all other pods are drivers."""

TRAINED = dict.fromkeys(("label-ingest", "embed", "train-adapter", "evaluate", "score", "select", "publish"), 1)
"""Pods of a trained cycle, where the recipe leaves the backbone as it is."""


@pytest.fixture(scope="module")
def kubeflow(inside: Cluster) -> Iterator[KubeflowBackend]:
    """The backend, beside Argo's own campaigns."""
    with kubeflow_on(inside) as backend:
        yield backend


def succeed(kubeflow: KubeflowBackend, what: str, root: str, *further: object) -> Counter[str]:
    """Submit, see the run succeed, and print what it took; returns how many pods each stage had."""
    run = kubeflow.run(kubeflow.create("submit", root, *further, "--wait"))
    pods = nodes_of(kubeflow.workflow(run["run_id"]))
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
    assert succeed(kubeflow, "trained cycle", root) == TRAINED
    return root


def test_a_campaign_begins_and_trains(campaigns: Campaigns, trained: str) -> None:
    facts = campaigns.status(trained)
    assert facts["cold_start"] == {"cycle": 0, "query_size": 8}
    assert [(one["cycle"], one["labels"]) for one in facts["cycles"]] == [(1, 8)]
    assert damaged_objects(trained) == []


def test_the_doctor_finds_the_backend_sound(kubeflow: KubeflowBackend, trained: str) -> None:
    place = ("--engine", "kfp", "--host", ADDRESS, "--image", kubeflow.cluster.image)
    code, findings = examined(kubeflow.cluster, trained, *place)
    assert (code, findings.keys()) == (0, {"object store"}), findings


@pytest.fixture(scope="module")
def three_parts(inside: Cluster, campaigns: Campaigns, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The root of a campaign that this machine has trained, whose pool is three parts of predictions."""
    generator = np.random.default_rng(0)
    numbers = np.arange(2 * POOL_ROWS + 1000)
    classes = numbers % len(CLASSES)
    file = tmp_path_factory.mktemp("three-parts") / "embeddings.npz"
    np.savez(
        file,
        ids=np.array([f"{number:05d}" for number in numbers]),
        features=(np.eye(3, 8)[classes] * 4 + generator.normal(size=(len(numbers), 8))).astype(np.float32),
        labels=np.array(CLASSES)[classes],
        splits=np.where(numbers < 100, "test", "pool"),
    )
    root = campaigns.begin_on_embeddings("three-parts", file, "--budget", 8, "--batch", 8)
    inside.labelcycle("run", root)
    return root


def test_predictions_in_shards_go_on_and_are_those_of_one_process(
    kubeflow: KubeflowBackend, campaigns: Campaigns, three_parts: str, tmp_path: Path
) -> None:
    """A run is ended once its first shard is done; the next one keeps that part, and a third makes nothing anew."""
    alone = campaigns.copy(three_parts, "three-parts-here")
    kubeflow.cluster.labelcycle("predict", alone, "--pool", "--output", f"{alone}/pool.parquet")
    wanted = ("--predict", "--shards", 3, "--output", f"{three_parts}/pool.parquet")

    in_turn = tmp_path / "in-turn.yaml"
    in_turn.write_text(yaml.safe_dump(yaml.safe_load((HERE / "profile.yaml").read_text()) | {"shards_at_once": 1}))
    ended = kubeflow.create("submit", three_parts, *wanted, profile=in_turn)
    await_that(lambda: parts(campaigns, three_parts), "the first shard is done", 600, interval=1)
    kubeflow.terminate(ended)
    done = parts(campaigns, three_parts)
    assert 0 < len(done) < 3
    assert not any(key.endswith("commit.json") for key in predictions(three_parts))

    stages = succeed(kubeflow, "the rest of three shards", three_parts, *wanted)
    assert stages == {"prediction-start": 1, "prediction-parts": 3, "prediction-commit": 1}
    all_parts = parts(campaigns, three_parts)
    assert len(all_parts) == 3 and done.items() <= all_parts.items()
    assert predictions(three_parts) == predictions(alone)
    assert open_store(three_parts).read("pool.parquet") == open_store(alone).read("pool.parquet")

    kept = predictions(three_parts)
    succeed(kubeflow, "the same once more", three_parts, *wanted)
    assert parts(campaigns, three_parts) == all_parts
    assert predictions(three_parts) == kept


def predictions(root: str) -> dict[str, bytes]:
    """What a root holds of predictions."""
    store = open_store(root)
    return {key: store.read(key) for key in store.keys("predictions/")}


def parts(campaigns: Campaigns, root: str) -> dict[str, Any]:
    """The parts of predictions that a root holds: key → when it was written."""
    prefix = f"{root.removeprefix(f's3://{BUCKET}/')}/predictions/"
    found = campaigns.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {one["Key"]: one["LastModified"] for one in found if "/part-" in one["Key"]}


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


def test_a_schedule_runs_cycles_one_at_a_time(
    kubeflow: KubeflowBackend, campaigns: Campaigns, embeddings: Path
) -> None:
    """It is deleted when the campaign is done, and only after its last run has ended."""
    root = campaigns.begin_on_embeddings("scheduled-on-kubeflow", embeddings, "--budget", 8, "--batch", 8)
    schedule = kubeflow.create("schedule", root, "--every", "1m")
    await_that(lambda: campaigns.status(root)["state"] == "done", "the schedule has run all cycles", 900, interval=10)
    kubeflow.cluster.labelcycle("schedule", root, "--host", ADDRESS, "--delete", "--wait")
    runs = kubeflow.runs_of(schedule)
    tell(f"schedule: {[(run['state'], run['created_at'], run['finished_at']) for run in runs]}")
    assert len(runs) >= 2 and {run["state"] for run in runs} == {"SUCCEEDED"}
    assert all(one["finished_at"] <= other["created_at"] for one, other in pairwise(runs))
    assert "has no schedule" in kubeflow.cluster.labelcycle("schedule", root, "--host", ADDRESS, "--show")
