"""The score stage: a table of the unlabelled pool, the same for any number of shards."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.queries import queried_ids
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.features import blocks
from labelcycle.components.core.features.ordering import chunks_of_shard
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.dropout import disagreements_and_information
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.heads import ProxyHead, read_head
from labelcycle.components.core.storage.tables import column_to_matrix, table_bytes
from labelcycle.components.score import stage
from labelcycle.components.select.gathering import read_scores


@pytest.fixture
def campaign(begin: Callable[..., Any]) -> Any:
    """A campaign with a trained head."""
    made = begin()
    made.run_cycle()
    made.run_until("evaluate")
    return made


def trained(begin: Callable[..., Any], overrides: dict[str, Any], **settings: Any) -> Any:
    """A campaign of that recipe with a trained head."""
    campaign = begin(overrides=overrides, **settings)
    campaign.run_cycle()
    campaign.run_until("evaluate")
    return campaign


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


def test_without_dropout_and_truth_their_columns_are_null(campaign: Any) -> None:
    campaign.run("score")
    table = scores(campaign)
    for name in ("mutual_information", "disagreements", "loss"):
        assert table[name].null_count == 40


@pytest.mark.parametrize("place", ["features", "normalised"])
def test_dropout_is_asked_where_the_recipe_says_so(begin: Callable[..., Any], place: Any) -> None:
    campaign = trained(begin, {"scorer": {"name": "dropout", "passes": 6, "rate": 0.9, "place": place}}, seed=5)
    campaign.run("score")
    table = scores(campaign)
    ids = table["sample_id"].to_pylist()
    head = LinearHead.from_bytes(campaign.work.read("head.safetensors"))
    features = FeatureSpace(campaign.work.store, campaign.state.campaign.base_space).read(ids)[1]
    counts, information = disagreements_and_information(head, features, ids, 5, 1, 6, 0.9, place)
    assert table["disagreements"].to_pylist() == counts.tolist()
    assert table["mutual_information"].to_pylist() == information.tolist()
    assert len(set(counts.tolist())) > 2 and (information > 0).all()


def test_dropout_leaves_the_other_columns_alone(begin: Callable[..., Any], tmp_path: Path) -> None:
    tables = []
    for number, scorer in enumerate(({"name": "softmax"}, {"name": "dropout"})):
        campaign = trained(begin, {"scorer": scorer}, root=str(tmp_path / str(number)))
        campaign.run("score")
        tables.append(scores(campaign).drop_columns(["mutual_information", "disagreements"]))
    assert tables[0].equals(tables[1])


def test_cycles_and_seeds_drop_other_features(begin: Callable[..., Any], tmp_path: Path) -> None:
    found = []
    for seed in (0, 1):
        campaign = trained(
            begin, {"scorer": {"name": "dropout", "passes": 9}}, root=str(tmp_path / str(seed)), seed=seed
        )
        for _ in range(2):
            campaign.run_until("score")
            table = scores(campaign)
            found.append(dict(zip(table["sample_id"].to_pylist(), table["disagreements"].to_pylist(), strict=True)))
            campaign.run("select")
            campaign.run("publish")
    assert len({tuple(sorted(counts.items())) for counts in found}) == 4


def test_the_loss_is_that_of_samples_whose_class_is_known(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"red-47": "red", "blue-09": "green", "green-20": "green"}
    monkeypatch.setattr(stage, "load_truth", lambda store, described: known)
    campaign.run("score")
    losses, probabilities = {}, {}
    for row in scores(campaign).to_pylist():
        losses[row["sample_id"]], probabilities[row["sample_id"]] = row["loss"], row["probabilities"]
    expected = {
        name: -math.log(probabilities[name][["blue", "green", "red"].index(label)])
        for name, label in known.items()
        if name in probabilities
    }
    assert set(expected) == {"red-47", "blue-09"}, "the third is of the test set"
    assert {name: loss for name, loss in losses.items() if loss is not None} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_shards_give_the_same_scores(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, shards: int) -> None:
    campaign = trained(begin, {"scorer": {"name": "dropout"}})
    monkeypatch.setattr(stage, "chunks_of_shard", partial(chunks_of_shard, rows=7))
    truth = dict.fromkeys(("red-47", "blue-09", "green-31", "green-38"), "red")
    monkeypatch.setattr(stage, "load_truth", lambda store, described: truth)
    campaign.run("score")
    whole = scores(campaign)
    counts = [campaign.run("score", shard=shard, shards=shards).scored for shard in range(shards)]
    assert sum(counts) == 40 and min(counts) > 0
    assert scores(campaign, shards).equals(whole), "every value is equal, to the last bit"


def test_threads_give_the_same_scores(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = trained(begin, {"scorer": {"name": "dropout"}})
    monkeypatch.setattr(stage, "chunks_of_shard", partial(chunks_of_shard, rows=7))
    tables = []
    for number in (1, 4):
        monkeypatch.setattr(blocks, "cores", lambda number=number: number)
        campaign.run("score")
        tables.append(campaign.work.read("scores/0-of-1.parquet"))
        campaign.forget("score-0-of-1")
    assert tables[0] == tables[1]


def test_samples_without_features_are_left_out(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign.run("score")
    every = scores(campaign)["sample_id"].to_pylist()
    read = FeatureSpace.read
    monkeypatch.setattr(
        FeatureSpace, "read", lambda space, ids: read(space, [name for name in ids if name != every[3]])
    )
    campaign.forget("score-0-of-1")
    assert campaign.run("score").scored == 39
    assert scores(campaign)["sample_id"].to_pylist() == every[:3] + every[4:]


def test_scores_of_earlier_versions_are_read(campaign: Any) -> None:
    campaign.run("score")
    table = scores(campaign)
    earlier = table.drop_columns(["mutual_information", "disagreements", "loss"])
    campaign.replace("score-0-of-1", "scores/0-of-1.parquet", table_bytes(earlier))
    assert scores(campaign).equals(table)


def test_a_model_that_was_not_trained_is_named(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("embed base")
    with pytest.raises(CampaignError, match=r"head.safetensors is missing: its stage has not run"):
        campaign.run("score")


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


def test_dropout_acts_on_the_hidden_features_of_a_proxy(begin: Callable[..., Any]) -> None:
    overrides = {"scorer": {"name": "dropout", "passes": 5, "rate": 0.5}, "trainer.hidden": 6}
    campaign = begin(recipe="svpp", overrides=overrides)
    campaign.run_cycle()
    campaign.run_until("score")
    work = campaign.work
    head = read_head(work.read("head.safetensors"))
    assert isinstance(head, ProxyHead)
    table = scores(campaign)
    ids, features = FeatureSpace(work.store, work.campaign.base_space).read(table["sample_id"].to_pylist())
    hidden = head.hidden_features(features)
    counted, _ = disagreements_and_information(head.last, hidden, ids, work.campaign.seed, work.cycle, 5, 0.5)
    assert np.array_equal(table["disagreements"].to_numpy(), counted)
    assert np.allclose(column_to_matrix(table["probabilities"]), head.probabilities(features), atol=1e-5)


def test_shards_that_an_earlier_version_scored_are_read(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.chunks_of_shard, "__defaults__", (7,))
    campaign = trained(begin, {})
    with monkeypatch.context() as patch:
        patch.setattr(stage, "scores_name", lambda shard, shards: f"{shard}-of-{shards}")
        for shard in range(2):
            campaign.run("score", shard=shard, shards=2)
    assert scores(campaign, 2).num_rows == 40


def test_shards_of_two_versions_are_never_mixed(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier version's shard has samples from all over the pool, one of this version a range of it."""
    monkeypatch.setattr(stage.chunks_of_shard, "__defaults__", (7,))
    campaign = trained(begin, {})
    with monkeypatch.context() as patch:
        patch.setattr(stage, "scores_name", lambda shard, shards: f"{shard}-of-{shards}")
        patch.setattr(stage, "_unasked", lambda work, shard, shards: [["blue-05"]])
        campaign.run("score", shard=0, shards=2)
    campaign.run("score", shard=1, shards=2)
    with pytest.raises(CampaignError, match="range-0-of-2.parquet is missing: its stage has not run"):
        scores(campaign, 2)
    campaign.run("score", shard=0, shards=2)
    assert scores(campaign, 2).num_rows == 40
