"""PEAL's adapters with herding queries: each query is UHerding's on the features that the cycle's own adapter makes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.campaign.queries import queried_ids
from labelcycle.components.core.config.recipe_files import read_recipe
from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.storage import open_store
from labelcycle.components.select import Candidates, select_batch
from labelcycle.pipelines.recipes.catalogue import recipe_path

QUICK = {"trainer.epochs": 2, "trainer.rank": 2, "trainer.learning_rate": 0.01, "trainer.batch_size": 8}


@pytest.fixture
def campaign(begin_on_small_network: Callable[..., Any]) -> Any:
    """One that is about to choose its first query."""
    return begin_on_small_network(recipe="peal_uherding", overrides=QUICK)


def query(campaign: Any) -> list[str]:
    table = pq.read_table(pa.BufferReader(campaign.work.read("query.parquet")))
    ids: list[str] = table["sample_id"].to_pylist()
    return ids


def features_of(campaign: Any, space: str, ids: list[str]) -> npt.NDArray[np.floating]:
    found, features = FeatureSpace(open_store(campaign.root), space).read(ids)
    assert found == sorted(ids)
    return features


def herded(campaign: Any, space: str, pool: list[str], labelled: list[str]) -> list[str]:
    """UHerding by hand: features of one space, and what the head says to them."""
    pool = sorted(pool)
    features = features_of(campaign, space, pool)
    probs = read_head(campaign.work.read("head.safetensors")).probabilities(features)
    known = features_of(campaign, space, labelled)
    candidates = Candidates(
        np.array(pool), features=features, probs=probs, labelled_features=known, cycle=campaign.cycle
    )
    ids: list[str] = select_batch("uherding", candidates, 8, campaign.state.campaign.seed).ids.tolist()
    return ids


def test_the_first_query_is_of_centroids_in_the_base_space(campaign: Any) -> None:
    campaign.run_cycle()
    everything = _pool(campaign)
    base = campaign.state.campaign.base_space
    pool = Candidates(np.array(everything), features=features_of(campaign, base, everything))
    assert query(campaign) == select_batch("kmeans", pool, 8, campaign.state.campaign.seed).ids.tolist()


def test_later_queries_are_herded_in_the_space_of_the_cycles_own_adapter(campaign: Any) -> None:
    campaign.run_cycle()
    spaces = [campaign.state.campaign.base_space]
    for _ in range(2):
        labelled = sorted(queried_ids(campaign.work) | set(query(campaign)))
        campaign.run_until("select")
        spaces.append(campaign.work.read_json("training.json")["space"])
        pool = [name for name in _pool(campaign) if name not in labelled]
        assert query(campaign) == herded(campaign, spaces[-1], pool, labelled)
        base = features_of(campaign, spaces[0], pool)
        assert not np.allclose(base, features_of(campaign, spaces[-1], pool), atol=1e-2)
        campaign.run("publish")
    assert len(set(spaces)) == 3


def test_it_trains_as_peal_does() -> None:
    ours, peal = (read_recipe(recipe_path(name)) for name in ("peal_uherding", "peal_entropy"))
    assert isinstance(ours.trainer, LoraTrainer) and ours.trainer == peal.trainer
    assert ours.schedule == peal.schedule and ours.schedule.learning_rate_drops == [5, 8]
    assert (ours.cold_start.strategy, ours.selector.strategy) == ("kmeans", "uherding")


def _pool(campaign: Any) -> list[str]:
    """Ids of the samples that may be asked for, sorted."""
    names = [f"{name}/{row:02d}.png" for name in ("blue", "green", "red") for row in range(4, 20)]
    return sorted(names)
