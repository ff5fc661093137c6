"""What all uncertainty strategies share: class balance, clusters among the most uncertain, scores block by block."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.models.uncertainty import confidence, entropy, margin
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select import ranking as uncertain
from labelcycle.components.select.ranking import most_uncertain, score_by_block

NAMES = ("bald", "confidence", "entropy", "margin")


def scores_of(name: str, pool: Candidates) -> np.ndarray:  # type: ignore[type-arg]
    """The score of each candidate, as the strategy reports it for the whole pool."""
    selection = select_batch(name, pool, len(pool), 0)
    number = {found: rank for rank, found in enumerate(selection.ids.tolist())}
    return np.array([selection.scores[number[found]] for found in pool.ids.tolist()])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", [4, 10, 11])
def test_each_predicted_class_gets_its_share(name: str, budget: int, complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(300)
    assert pool.probs is not None
    predicted = pool.probs.argmax(axis=1)
    scores = scores_of(name, pool)
    ranked = np.argsort(-scores, kind="stable")
    share, rest = divmod(budget, 4)
    expected = {row for number in range(4) for row in ranked[predicted[ranked] == number][:share].tolist()}
    following = [int(ranked[predicted[ranked] == number][share]) for number in range(4)]
    expected |= set(sorted(following, key=lambda row: -scores[row])[:rest])
    selection = select_batch(name, pool, budget, 0, class_balanced=True)
    assert set(selection.ids.tolist()) == set(pool.ids[sorted(expected)].tolist())
    assert selection.scores.tolist() == sorted(selection.scores.tolist(), reverse=True)


@pytest.mark.parametrize("name", NAMES)
def test_clusters_are_made_of_fifty_times_the_budget(name: str, complete_pool: Callable[..., Candidates]) -> None:
    """Four directions among the 200 most uncertain, a fifth among the others: one pick of each of the four."""
    generator = np.random.default_rng(0)
    pool = complete_pool(400, width=8)
    scores = scores_of(name, pool)
    first = np.argsort(-scores, kind="stable")[:200]
    direction = np.full(400, 4)
    direction[first] = np.arange(200) % 4
    features = np.eye(5, 8)[direction] * generator.uniform(1, 9, (400, 1)) + generator.normal(size=(400, 8)) / 100
    spread = replace(pool, features=features.astype(np.float32), labelled_features=None)
    if name == "bald":
        spread = replace(spread, mutual_information=scores)
    selection = select_batch(name, spread, 4, 0, cluster_features=True)
    number = {found: row for row, found in enumerate(pool.ids.tolist())}
    rows = [number[found] for found in selection.ids.tolist()]
    assert sorted(direction[rows]) == [0, 1, 2, 3]
    assert selection.represents.tolist() == [50] * 4
    assert selection.clusters.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(selection.scores, scores[rows])
    assert "; nearest to the centre of cluster 0, of 50 samples" in selection.reasons[0]


def test_options_that_exclude_each_other_or_lack_their_field(complete_pool: Callable[..., Candidates]) -> None:
    pool = replace(complete_pool(20), mutual_information=np.zeros(20))
    with pytest.raises(ConfigurationError, match="class_balanced and cluster_features cannot be combined"):
        select_batch("entropy", pool, 3, 0, class_balanced=True, cluster_features=True)
    with pytest.raises(ConfigurationError, match="cluster_features needs features, which the candidates lack"):
        select_batch("margin", replace(pool, features=None), 3, 0, cluster_features=True)
    with pytest.raises(ConfigurationError, match="class_balanced needs probs, which the candidates lack"):
        select_batch("bald", replace(pool, probs=None, head=None), 3, 0, class_balanced=True)


def test_scores_of_many_blocks(make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(5000, classes=6)
    assert pool.probs is not None
    for score in (confidence, entropy, margin):
        assert score_by_block(pool.probs, score).tolist() == score(pool.probs).tolist()


def test_half_precision_is_summed_in_single(make_pool: Callable[..., Candidates]) -> None:
    """A thousand small terms, each rounded to half precision, would be off in the second digit."""
    probs = np.random.default_rng(0).dirichlet(np.ones(1000), 50).astype(np.float16)
    found = score_by_block(probs, entropy)
    exact = probs.astype(np.float64)
    expected = -(exact * np.log(exact, where=exact > 0, out=np.zeros_like(exact))).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert scipy.stats.spearmanr(found, expected).statistic > 0.9999


def test_all_candidates_in_the_order_of_their_scores(make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(30)
    scores = np.random.default_rng(0).normal(size=30).astype(np.float32)
    picks = most_uncertain(pool, scores, 30, 0, "score", False, False)
    assert picks.rows.tolist() == np.argsort(-scores).tolist()
    assert picks.reasons[0] == f"score {abs(scores.max()):.3f}"
    assert uncertain.SHORT_LIST == 50
