"""Samples for centroids, against the same by sorting everything."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.centroid_matching import match_samples, stands_for
from labelcycle.components.select.centroids import Assignment, Frozen
from labelcycle.components.select.points import Vectors, unit_length


def by_sorting(samples: np.ndarray, ids: np.ndarray, centroids: np.ndarray) -> list[int]:
    """Cosines of whole numbers of quarters have no rounding errors."""
    ties = keyed_order(ids, "ties")
    taken: list[int] = []
    for centroid in centroids:
        order = np.lexsort((ties, -(samples @ centroid)))
        taken.append(next(row for row in order.tolist() if row not in taken))
    return taken


@settings(deadline=None)
@given(size=st.integers(1, 60), kinds=st.integers(1, 5), seed=st.integers(0, 1000), data=st.data())
def test_matching_is_that_by_sorting(size: int, kinds: int, seed: int, data: st.DataObject) -> None:
    generator = np.random.default_rng(seed)
    count = data.draw(st.integers(1, size))
    table = generator.integers(-1, 2, (kinds, 4)).astype(np.float32) / 2
    samples, centroids = table[generator.integers(0, kinds, size)], table[generator.integers(0, kinds, count)]
    ids = np.array([f"{number:03}" for number in range(size)])
    rows, cosines = match_samples(Vectors(samples), ids, centroids)
    assert rows.tolist() == by_sorting(samples, ids, centroids)
    np.testing.assert_allclose(cosines, (samples[rows] * centroids).sum(axis=1), atol=1e-5)


def test_many_blocks_and_many_alike_centroids() -> None:
    generator = np.random.default_rng(0)
    samples = unit_length(generator.normal(size=(5000, 6)).astype(np.float32))
    centroids = np.repeat(samples[[5, 6]], 40, axis=0)
    ids = np.array([f"{number:04}" for number in range(5000)])
    expected = by_sorting(samples, ids, centroids)
    assert match_samples(Vectors(samples), ids, centroids)[0].tolist() == expected
    assert match_samples(Vectors(samples), ids, centroids, list_entries=1)[0].tolist() == expected


def test_equal_samples_are_taken_in_the_order_of_their_hashes() -> None:
    ids = np.array([f"{number:02}" for number in range(30)])
    rows, cosines = match_samples(Vectors(np.ones((30, 1), np.float16)), ids, np.ones((30, 1), np.float32))
    assert rows.tolist() == np.argsort(keyed_order(ids, "ties")).tolist()
    assert rows.tolist() != sorted(rows)
    assert (cosines == 1).all()


def test_a_pick_stands_for_itself_and_a_nearer_frozen_centroid_for_what_is_near_it() -> None:
    nearest, cosines = np.array([0, 0, 1, 1, 0]), np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
    frozen = Frozen(
        np.ones((1, 1), np.float32), Assignment(np.zeros(5, int), np.array([0, 0.9, 0, 0.9, 0.1], np.float32))
    )
    assignment = Assignment(nearest, cosines)
    assert stands_for(assignment, np.array([0, 4])).tolist() == [0, 0, 1, 1, 1]
    assert stands_for(assignment, np.array([3, 2]), frozen).tolist() == [0, -1, 1, 0, 0]
