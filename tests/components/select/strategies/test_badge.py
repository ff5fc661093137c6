"""BADGE against gradient embeddings that are written out, C·d numbers a sample."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from scipy.spatial.distance import cdist

from labelcycle.components.select import Candidates, select_batch

SEEDS = 3000


def embeddings(pool: Candidates) -> npt.NDArray[np.float64]:
    """(onehot(ŷ) - p) ⊗ h of each sample, (N, C·d)."""
    assert pool.probs is not None and pool.features is not None
    probs = pool.probs.astype(np.float64)
    features = pool.features.astype(np.float64)
    if pool.head is not None:
        head = pool.head
        features = (features - head.running_mean) / np.sqrt(head.running_var + 1e-5) * head.scale + head.shift
    residuals = np.eye(probs.shape[1])[probs.argmax(axis=1)] - probs
    return np.einsum("nc,nd->ncd", residuals, features).reshape(len(pool), -1)


def rows_of(pool: Candidates, ids: npt.NDArray[np.str_]) -> list[int]:
    number = {name: row for row, name in enumerate(pool.ids.tolist())}
    return [number[name] for name in ids.tolist()]


def test_the_first_pick_has_the_largest_gradient(make_pool: Callable[..., Candidates]) -> None:
    for seed in range(5):
        pool = make_pool(300, classes=6, seed=seed)
        lengths = np.linalg.norm(embeddings(pool), axis=1)
        selection = select_batch("badge", pool, 3, seed)
        assert selection.ids[0] == pool.ids[lengths.argmax()]
        assert selection.scores[0] == pytest.approx(lengths.max(), rel=1e-4)
        assert selection.reasons[0].startswith("largest gradient")


def test_scores_are_distances_of_embeddings_to_the_nearest_earlier_pick(make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(2500, classes=6)
    selection = select_batch("badge", pool, 150, 0)
    picked = embeddings(pool)[rows_of(pool, selection.ids)]
    between = cdist(picked, picked)
    expected = [between[number, :number].min() for number in range(1, 150)]
    np.testing.assert_allclose(selection.scores[1:], expected, rtol=1e-3, atol=2e-3)


def test_features_are_those_after_the_heads_normalisation(complete_pool: Callable[..., Candidates]) -> None:
    """The gradient is that of the last linear layer, whose input is normalised: raw features differ in scale."""
    pool = replace(complete_pool(300, width=6), labelled_ids=None, labelled_features=None, labelled_classes=None)
    assert pool.head is not None
    stretched = replace(
        pool,
        head=replace(pool.head, running_var=np.float32([1e-4, 1, 1, 1, 1, 400]), running_mean=np.ones(6, np.float32)),
    )
    for given in (pool, stretched, replace(pool, head=None)):
        selection = select_batch("badge", given, 60, 0)
        picked = embeddings(given)[rows_of(given, selection.ids)]
        assert selection.ids[0] == given.ids[np.linalg.norm(embeddings(given), axis=1).argmax()]
        between = cdist(picked, picked)
        expected = [between[number, :number].min() for number in range(1, 60)]
        np.testing.assert_allclose(selection.scores[1:], expected, rtol=1e-3, atol=2e-3)


def test_later_picks_have_the_distribution_of_squared_distance_sampling(make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(5, classes=3)
    between = cdist(embeddings(pool), embeddings(pool), "sqeuclidean")
    first = int(np.linalg.norm(embeddings(pool), axis=1).argmax())
    expected = {}
    for order in permutations([row for row in range(5) if row != first], 2):
        nearest = between[first]
        share = nearest[order[0]] / nearest.sum()
        nearest = np.minimum(nearest, between[order[0]])
        expected[order] = share * nearest[order[1]] / nearest.sum()
    counts = dict.fromkeys(expected, 0)
    for seed in range(SEEDS):
        rows = rows_of(pool, select_batch("badge", pool, 3, seed).ids)
        assert rows[0] == first
        counts[rows[1], rows[2]] += 1
    result = scipy.stats.chisquare(list(counts.values()), np.array(list(expected.values())) * SEEDS)
    assert result.pvalue > 1e-3


def test_each_cycle_draws_anew(make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(200)
    first, second = (select_batch("badge", replace(pool, cycle=cycle), 10, 0).ids.tolist() for cycle in (1, 2))
    assert first[0] == second[0] and first != second


@pytest.mark.parametrize("probs", [np.ones((30, 1)), np.eye(3)[np.arange(30) % 3]])
def test_certain_predictions_have_no_gradient_and_are_taken_in_the_order_of_ties(
    probs: npt.NDArray[np.float64],
) -> None:
    ids = np.array([f"{row:02}" for row in range(30)])
    pool = Candidates(ids, features=np.random.default_rng(0).normal(size=(30, 4)), probs=probs)
    picked = [select_batch("badge", pool, 5, seed) for seed in (0, 1)]
    assert picked[0].ids.tolist() == picked[1].ids.tolist() != ids[:5].tolist()
    assert (picked[0].scores == 0).all()


def test_twins_are_asked_for_once(make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(20)
    twins = Candidates(
        np.concatenate([pool.ids, np.char.add(pool.ids, " again")]),
        features=np.concatenate([pool.features, pool.features]),
        probs=np.concatenate([pool.probs, pool.probs]),
    )
    rows = rows_of(twins, select_batch("badge", twins, 20, 0).ids)
    assert sorted(row % 20 for row in rows) == list(range(20))
