"""What strategies see of a model with a hidden layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import ProxyHead, read_head
from labelcycle.components.select import STRATEGIES, Candidates
from labelcycle.components.select.gathering import gather_candidates
from labelcycle.components.select.last_layer import with_head
from labelcycle.components.train_adapter.head_modules import ProxyModule

OF_LAST_LAYER = {"badge", "bait", "alfamix", "bald", "dropquery", "learnloss", "powerbald", "refine", "tavaal"}


@pytest.fixture
def proxy() -> ProxyHead:
    return ProxyModule(width=6, classes=3, hidden=4).export()


@pytest.fixture
def pool() -> Candidates:
    features = np.random.default_rng(0).normal(size=(10, 6)).astype(np.float16)
    return Candidates(np.array([f"{row:02d}" for row in range(7)]), features[:7], labelled_features=features[7:])


def test_strategies_about_the_last_layer() -> None:
    ours = {name for name in STRATEGIES if STRATEGIES[name].choose.__module__.startswith("labelcycle.")}
    assert {name for name in ours if STRATEGIES[name].of_last_layer} == OF_LAST_LAYER


def test_they_get_hidden_features_and_the_last_layer(pool: Candidates, proxy: ProxyHead) -> None:
    seen = with_head(pool, proxy, STRATEGIES["badge"])
    assert seen.features is not None and seen.labelled_features is not None and seen.head is not None
    assert pool.features is not None and pool.labelled_features is not None
    assert seen.features.shape == (7, 4) and seen.labelled_features.shape == (3, 4)
    assert np.array_equal(seen.features, proxy.hidden_features(pool.features))
    expected = proxy.probabilities(pool.labelled_features)
    assert np.allclose(seen.head.probabilities(seen.labelled_features), expected, atol=1e-6)


def test_others_get_the_features_of_the_space(pool: Candidates, proxy: ProxyHead) -> None:
    for strategy in (STRATEGIES["coreset"], STRATEGIES["probcover"], None):
        assert with_head(pool, proxy, strategy).features is pool.features
    assert with_head(pool, proxy.last, STRATEGIES["badge"]).features is pool.features


def test_of_logistic_regression_they_get_what_is_standardised(begin: Callable[..., Any]) -> None:
    campaign = begin(recipe="logistic", overrides={"selector.strategy": "badge"})
    campaign.run_cycle()
    campaign.run_until("score")
    pool = gather_candidates(campaign.work, STRATEGIES["badge"].reads_with({}), 1, STRATEGIES["badge"])
    assert pool.features is not None and pool.head is not None and pool.probs is not None
    assert pool.features.dtype == np.float32 and np.allclose(np.linalg.norm(pool.features, axis=1), 1, atol=1e-6)
    assert np.allclose(pool.head.probabilities(pool.features), pool.probs, atol=1e-6)


@pytest.mark.parametrize(("strategy", "hidden"), [("badge", True), ("alfamix", True), ("coreset", False)])
def test_gathered_from_a_campaign(begin: Callable[..., Any], strategy: str, hidden: bool) -> None:
    campaign = begin(recipe="svpp", overrides={"selector.strategy": strategy, "trainer.hidden": 5})
    campaign.run_cycle()
    campaign.run_until("score")
    chosen = STRATEGIES[strategy]
    pool = gather_candidates(campaign.work, chosen.reads_with({}), 1, chosen)
    head = read_head(campaign.work.read("head.safetensors"))
    _, features = FeatureSpace(campaign.work.store, campaign.state.campaign.base_space).read(pool.ids.tolist())
    expected = head.hidden_features(features) if hidden else features
    assert pool.features is not None and np.array_equal(pool.features, expected)
    assert pool.features.shape[1] == (5 if hidden else 8)
