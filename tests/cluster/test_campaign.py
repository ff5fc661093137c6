"""Whole campaigns by Argo's own controller, submitted as users do."""

import io
from collections import Counter
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests

from labelcycle.components.core.runtime.timings import Timing, read_timings
from labelcycle.components.core.storage import open_store
from tests.cluster.campaigns import DATA, Campaigns
from tests.cluster.cluster import Cluster
from tests.cluster.namespaces import await_that
from tests.cluster.pod_times import recorded, table
from tests.cluster.progress import tell
from tests.cluster.stores import ACCOUNT
from tests.cluster.workflows import nodes_of
from tests.conftest import CLASSES
from tests.harness.committed_objects import committed_objects, damaged_objects

BUDGET = ("--budget", 16, "--batch", 8)
"""A query at the cold start, one after the first training, and a second training that ends the campaign."""

STAGES = {"label-ingest": 1, "embed": 2, "train-adapter": 1, "evaluate": 1, "score": 1, "select": 1, "publish": 1}


def stages_of(workflow: dict[str, Any]) -> Counter[str]:
    """How many pods of each stage a workflow had."""
    return Counter(node["templateName"] for node in nodes_of(workflow))


def timings_of(root: str, cycle: int) -> list[Timing]:
    """What the stages of a cycle measured themselves."""
    return read_timings(open_store(root), cycle)


@pytest.fixture(scope="module")
def roots(campaigns: Campaigns) -> tuple[str, str]:
    """Two campaigns of the same bytes, before their first cycle."""
    root = campaigns.begin("one-shard", *BUDGET)
    return root, campaigns.copy(root, "three-shards")


@pytest.fixture(scope="module")
def in_one_shard(inside: Cluster, roots: tuple[str, str]) -> list[dict[str, Any]]:
    """The workflows of a cold start and two trained cycles; their times are printed."""
    ended = []
    with recorded(inside.kubectl) as recorder:
        for cycle in range(3):
            ended.append(inside.argo.succeed(inside.argo.submit(root=roots[0])))
            tell(table(ended[-1], recorder.pods, timings_of(roots[0], cycle)))
    return ended


def test_a_campaign_trains_until_its_budget_is_spent(
    inside: Cluster, campaigns: Campaigns, roots: tuple[str, str], in_one_shard: list[dict[str, Any]]
) -> None:
    cold, first, second = map(stages_of, in_one_shard)
    assert cold == {"label-ingest": 1, "embed": 1, "select": 1, "publish": 1}
    assert first == STAGES
    assert second.keys() <= first.keys() and second["train-adapter"] == 1
    facts = campaigns.status(roots[0])
    assert (facts["state"], facts["labels"]) == ("done", 16)
    assert damaged_objects(roots[0]) == []
    await_that(lambda: inside.kubectl.get("pods")["items"] == [], "pods that did their work are deleted")


def test_cycles_are_recorded_in_mlflow(cluster: Cluster, in_one_shard: list[dict[str, Any]]) -> None:
    url = f"{cluster.stores.mlflow_for_tests}/api/2.0/mlflow"
    experiments = requests.get(f"{url}/experiments/search?max_results=10", auth=ACCOUNT, timeout=60).json()
    names = [one["experiment_id"] for one in experiments["experiments"]]
    asked = {"experiment_ids": names, "filter": "tags.`labelcycle.kind` = 'cycle'"}
    runs = requests.post(f"{url}/runs/search", json=asked, auth=ACCOUNT, timeout=60).json()["runs"]
    recorded_cycles = {tag["value"] for run in runs for tag in run["data"]["tags"] if tag["key"] == "labelcycle.cycle"}
    assert recorded_cycles >= {"0000", "0001", "0002"}
    assert {run["info"]["status"] for run in runs} == {"FINISHED"}


def test_three_shards_give_the_same_bytes(
    inside: Cluster, roots: tuple[str, str], in_one_shard: list[dict[str, Any]]
) -> None:
    pods: Counter[str] = Counter()
    with recorded(inside.kubectl) as recorder:
        for cycle in range(3):
            ended = inside.argo.succeed(inside.argo.submit(root=roots[1], shards=3))
            tell(table(ended, recorder.pods, timings_of(roots[1], cycle)))
            pods += stages_of(ended)
    assert pods["embed"] % 3 == 0 and pods["embed"] >= 6 and pods["score"] >= 3
    assert committed_objects(roots[1]) == committed_objects(roots[0])


def test_the_pool_is_classified_in_shards_as_in_one_process(
    inside: Cluster, campaigns: Campaigns, roots: tuple[str, str], in_one_shard: list[dict[str, Any]]
) -> None:
    alone = campaigns.copy(roots[0], "classified-here")
    inside.labelcycle("predict", alone, "--pool", "--output", f"{alone}/pool.parquet")
    shared = campaigns.copy(roots[0], "classified-there")
    parameters = {"root": shared, "shards": 3, "output": f"{shared}/pool.parquet"}
    ended = inside.argo.succeed(inside.argo.submit("labelcycle-predict", **parameters))
    assert stages_of(ended) == {"prediction-start": 1, "prediction-parts": 3, "prediction-commit": 1}
    kept = {key: open_store(shared).read(key) for key in open_store(shared).keys("predictions/")}
    assert kept == {key: open_store(alone).read(key) for key in open_store(alone).keys("predictions/")}
    assert open_store(shared).read("pool.parquet") == open_store(alone).read("pool.parquet")
    inside.argo.succeed(inside.argo.submit("labelcycle-predict", **parameters))
    assert {key: open_store(shared).read(key) for key in open_store(shared).keys("predictions/")} == kept


def test_images_outside_the_pool_are_classified_and_damaged_ones_named(
    inside: Cluster, campaigns: Campaigns, roots: tuple[str, str], in_one_shard: list[dict[str, Any]]
) -> None:
    for number, key in enumerate(campaigns.keys("images/", DATA)[:5]):
        campaigns.client.copy_object(CopySource={"Bucket": DATA, "Key": key}, Bucket=DATA, Key=f"new/{number}.png")
    campaigns.client.put_object(Bucket=DATA, Key="new/damaged.png", Body=b"not an image")
    output = f"{roots[0]}/new.parquet"
    images = f"s3://{DATA}/new"
    inside.argo.succeed(inside.argo.submit("labelcycle-predict", root=roots[0], images=images, shards=2, output=output))
    table_of_all = pq.read_table(io.BytesIO(open_store(roots[0]).read("new.parquet"))).to_pylist()
    reasons = {row["sample_id"]: row["reason"] for row in table_of_all}
    assert reasons.pop("damaged.png") and set(reasons) == {f"{number}.png" for number in range(5)}
    assert set(reasons.values()) == {None}
    assert all(row["predicted"] in CLASSES for row in table_of_all if row["reason"] is None)
