"""Entropy against scipy, with ties broken by a hash of the id."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats

from labelcycle.components.select import Candidates, select_batch


def test_the_largest_entropies_in_falling_order(make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(500, classes=7)
    assert pool.probs is not None
    expected = scipy.stats.entropy(pool.probs.astype(np.float64), axis=1)
    best = np.argsort(-expected)[:25]
    selection = select_batch("entropy", pool, 25, 0)
    assert selection.ids.tolist() == pool.ids[best].tolist()
    np.testing.assert_allclose(selection.scores, expected[best], atol=1e-5)
    assert selection.reasons == [f"entropy {score:.3f}" for score in selection.scores]


def test_the_seed_does_not_matter(make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(50)
    assert select_batch("entropy", pool, 5, 0).ids.tolist() == select_batch("entropy", pool, 5, 1).ids.tolist()


def test_ties_are_broken_the_same_way_forever() -> None:
    pool = Candidates(ids=np.array(list("abcdefgh")), probs=np.full((8, 2), 0.5))
    assert "".join(select_batch("entropy", pool, 8, 0).ids) == "dcabgehf"


def test_ties_are_broken_only_among_equals() -> None:
    pool = Candidates(ids=np.array(["a", "b", "c"]), probs=np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]]))
    assert select_batch("entropy", pool, 1, 0).ids.tolist() == ["b"]
    assert set(select_batch("entropy", pool, 3, 0).ids[1:]) == {"a", "c"}


@pytest.mark.parametrize("balanced", [False, True])
def test_one_predicted_class(balanced: bool) -> None:
    certainty = np.linspace(0.5, 0.99, 20)
    pool = Candidates(
        ids=np.array([f"{number:02}" for number in range(20)]),
        probs=np.stack([certainty, 1 - certainty, np.zeros(20)], axis=1),
    )
    selection = select_batch("entropy", pool, 5, 0, class_balanced=balanced)
    assert selection.ids.tolist() == ["00", "01", "02", "03", "04"]
