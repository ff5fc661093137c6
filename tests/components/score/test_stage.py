"""The score stage: a table of the unlabelled pool, the same for any number of shards."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.head import LinearHead
from labelcycle.components.core.queries import queried_ids
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.core.tables import column_to_matrix
from labelcycle.components.score import stage
from labelcycle.components.select.gathering import read_scores


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Any:
    """A campaign with a trained head."""
    made = begin()
    made.run_cycle()
    made.run_until("evaluate")
    return made


def scores(campaign: Any, shards: int = 1) -> pa.Table:
    return read_scores(campaign.work, shards)


def test_every_sample_that_was_not_asked_for_is_scored(campaign: Any) -> None:
    facts = campaign.run("score")
    ids = scores(campaign)["sample_id"].to_pylist()
    assert facts.scored == len(set(ids)) == 48 - 8
    assert not set(ids) & queried_ids(campaign.work)
    assert all(int(name[-2:]) >= 4 for name in ids), "the test set is never scored"


def test_columns_are_those_of_the_head(campaign: Any) -> None:
    campaign.run("score")
    table = scores(campaign)
    head = LinearHead.from_bytes(campaign.work.read("head.safetensors"))
    space = FeatureSpace(campaign.work.store, campaign.state.campaign.base_space)
    expected = head.probabilities(space.read(table["sample_id"].to_pylist())[1])
    found = column_to_matrix(table["probabilities"])
    assert np.allclose(found, expected, atol=1e-6)
    assert table["predicted"].to_pylist() == found.argmax(axis=1).tolist()
    assert np.array_equal(table["confidence"].to_numpy(), found.max(axis=1))
    ordered = np.sort(found, axis=1)
    assert np.allclose(table["margin"].to_numpy(), ordered[:, -1] - ordered[:, -2])
    entropy = -np.sum(found * np.log(np.maximum(found, 1e-30)), axis=1)
    assert np.allclose(table["entropy"].to_numpy(), entropy, atol=1e-5)


@pytest.mark.parametrize("shards", [2, 3])
def test_shards_give_the_same_scores(campaign: Any, monkeypatch: pytest.MonkeyPatch, shards: int) -> None:
    monkeypatch.setattr(stage.chunks_of_shard, "__defaults__", (7,))
    campaign.run("score")
    counts = [campaign.run("score", shard=shard, shards=shards).scored for shard in range(shards)]
    assert sum(counts) == 40 and min(counts) > 0
    assert scores(campaign, shards).equals(scores(campaign))


def test_again_writes_the_same_bytes(campaign: Any) -> None:
    campaign.run("score")
    before = campaign.files()
    campaign.run("score")
    assert campaign.files() == before


def test_the_last_cycle_scores_nothing(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=8)
    campaign.run_cycle()
    assert campaign.run_until("score").scored == 0
    assert scores(campaign).num_rows == 0


def test_a_shard_that_does_not_exist_is_refused(campaign: Any) -> None:
    with pytest.raises(ConfigurationError, match="Shard 2 of 2 does not exist"):
        campaign.run("score", shard=2, shards=2)


def test_more_shards_than_chunks(campaign: Any) -> None:
    assert [campaign.run("score", shard=shard, shards=4).scored for shard in range(4)] == [40, 0, 0, 0]
    assert scores(campaign, 4).num_rows == 40
