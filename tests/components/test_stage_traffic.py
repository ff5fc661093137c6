"""What stages read and ask of a store, held to what they need: bytes as a multiple of it, and nothing twice."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.features.ordering import chunks_of_shard
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.runtime.timings import Timing, read_timings
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.folder import FolderStore
from labelcycle.components.core.storage.s3 import S3Store
from labelcycle.pipelines.initialise import base_features
from tests.conftest import Bench

SAMPLES, WIDTH, PART, BATCH = 4096, 64, 256, 8
SHARDS = 4
POOL_PARTS = 15
OBJECTS_BESIDE = 40_000
"""Bytes of the small objects that every stage reads: the campaign, its decision, records, the model, queries."""

WASTE = 1.1


@pytest.fixture
def campaign(store_root: str, begin: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A campaign after its cold start, whose pool has fifteen parts, and its test set another."""
    monkeypatch.setattr("labelcycle.components.score.stage.chunks_of_shard", partial(chunks_of_shard, rows=PART))
    monkeypatch.setattr(base_features, "IMPORT_ROWS", PART)
    generator = np.random.default_rng(2)
    classes = np.arange(SAMPLES) % 3
    np.savez(
        tmp_path / "many.npz",
        ids=np.array([f"images/{row:06d}.jpg" for row in range(SAMPLES)]),
        features=(np.eye(3, WIDTH)[classes] * 4 + generator.normal(size=(SAMPLES, WIDTH))).astype(np.float16),
        labels=np.array(["blue", "green", "red"])[classes],
        splits=np.where(np.arange(SAMPLES) % 16 == 5, "test", "pool"),
    )
    made = begin(store_root, embeddings=str(tmp_path / "many.npz"), recipe="logistic", batch=BATCH, budget=3 * BATCH)
    made.run_cycle()
    made.ingest()
    return made


@dataclass(frozen=True)
class Sizes:
    """Bytes of the parts of the space, of its index and coordinates, and of the ids of the pool."""

    parts: list[int]
    index: int
    map: int
    ids: int


def sizes(campaign: Bench) -> Sizes:
    store = open_store(campaign.root)
    space = f"spaces/{campaign.state.campaign.base_space}"

    def of(prefix: str) -> list[int]:
        return [len(store.read(key)) for key in store.keys(prefix)]

    return Sizes(of(f"{space}/part-"), sum(of(f"{space}/index-")), sum(of(f"{space}/map-")), sum(of("pool/ids/")))


@contextmanager
def keys_read() -> Iterator[Counter[str]]:
    """How often each object is read from any store."""
    read: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        for kind in (FolderStore, S3Store):
            for name in ("read", "fetch"):
                method = getattr(kind, name)

                def counted(store: Any, key: str, _method: Any = method) -> Any:
                    read[key] += 1
                    return _method(store, key)

                patch.setattr(kind, name, counted)
        yield read


def taken(campaign: Bench, stage: str, **settings: Any) -> Timing:
    """Run a stage and give its own record of what it took; nothing large may be read twice."""
    before = read_timings(open_store(campaign.root), campaign.cycle)
    with keys_read() as read:
        campaign.run(stage, **settings)
    twice = {key for key, times in read.items() if times > 1}
    assert not {key for key in twice if key.endswith((".parquet", ".safetensors"))}, "read more than once"
    (timing,) = [one for one in read_timings(open_store(campaign.root), campaign.cycle) if one not in before]
    assert timing.bytes_read is not None and timing.requests is not None
    return timing


def test_taking_in_labels_that_the_campaign_keeps_reads_nothing_of_the_pool(campaign: Bench) -> None:
    with keys_read() as read:
        campaign.ingest()
    assert sum(key.startswith("oracle/") for key in read) == 1
    assert not any(key.startswith(("pool/", "spaces/")) for key in read)


def test_embed_reads_next_to_nothing_where_all_is_there(campaign: Bench) -> None:
    timing = taken(campaign, "embed base")
    assert timing.requests is not None and timing.requests <= 5
    assert timing.bytes_read is not None and timing.bytes_read <= sizes(campaign).index + OBJECTS_BESIDE


def test_training_reads_the_space_once(campaign: Bench) -> None:
    timing, has = taken(campaign, "train_adapter"), sizes(campaign)
    assert timing.bytes_read <= WASTE * (sum(has.parts) + has.index + has.ids) + OBJECTS_BESIDE
    assert timing.requests <= len(has.parts) + 40


def test_evaluation_reads_the_test_set_and_parts_with_labels(campaign: Bench) -> None:
    campaign.run("train_adapter")
    timing, has = taken(campaign, "evaluate"), sizes(campaign)
    with_labels = len({row // PART for row in rows_of_labelled(campaign)})
    assert with_labels < POOL_PARTS
    assert timing.bytes_read <= WASTE * ((1 + with_labels) * max(has.parts) + has.index + has.ids) + OBJECTS_BESIDE
    assert timing.requests <= 1 + with_labels + 50


def rows_of_labelled(campaign: Bench) -> list[int]:
    """Where in the order of the pool's ids the labelled samples are."""
    work = campaign.work
    pool = [f"images/{row:06d}.jpg" for row in range(SAMPLES) if row % 16 != 5]
    return [pool.index(name) for name in work.labelled()]


def test_a_shard_of_the_scores_reads_its_own_rows(campaign: Bench) -> None:
    campaign.run("train_adapter")
    has = sizes(campaign)
    of_shards = []
    for shard in range(SHARDS):
        timing = taken(campaign, "score", shard=shard, shards=SHARDS)
        own = timing.rows * WIDTH * 2
        beside = timing.bytes_read - has.index - has.ids
        assert own * 0.5 < beside <= WASTE * own * max(has.parts) / (PART * WIDTH * 2) + OBJECTS_BESIDE
        assert timing.requests <= -(-POOL_PARTS // SHARDS) + 20
        of_shards.append(timing.rows)
    assert sum(of_shards) == POOL_PARTS * PART - BATCH and max(of_shards) < 1.5 * min(of_shards)


@pytest.mark.parametrize(("strategy", "passes"), [("margin", 0), ("uherding", 1)])
def test_selection_reads_scores_and_features_once(
    campaign: Bench, monkeypatch: pytest.MonkeyPatch, strategy: str, passes: int
) -> None:
    campaign.run("train_adapter")
    campaign.run("score")
    recipe = campaign.state.campaign.recipe
    from labelcycle.components.select import stage

    choice = recipe.selector.model_copy(update={"strategy": strategy, "params": {}})
    monkeypatch.setattr(stage, "choice_of", lambda work: choice)
    timing, has = taken(campaign, "select"), sizes(campaign)
    store = open_store(campaign.root)
    scores = sum(len(store.read(key)) for key in store.keys(campaign.work.key("scores/")))
    need = scores + passes * sum(has.parts) + has.index + has.ids
    assert scores < timing.bytes_read <= WASTE * need + OBJECTS_BESIDE
    assert timing.requests <= passes * len(has.parts) + 50


def test_publishing_reads_the_test_set_and_the_coordinates_of_the_map(campaign: Bench) -> None:
    for stage in ("train_adapter", "evaluate", "score", "select"):
        campaign.run(stage)
    timing, has = taken(campaign, "publish"), sizes(campaign)
    assert timing.bytes_read <= WASTE * (max(has.parts) + has.map + has.index + has.ids) + 2 * OBJECTS_BESIDE
    assert has.map < sum(has.parts) / 2
    assert timing.requests <= 120


def test_the_space_is_in_parts(campaign: Bench) -> None:
    listing = FeatureSpace(open_store(campaign.root), campaign.state.campaign.base_space).listing()
    assert len(listing.parts) == POOL_PARTS + 1 and not listing.unknown
