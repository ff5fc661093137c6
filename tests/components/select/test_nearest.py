"""Distances to the nearest of some points against all of them."""

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.select.distances import lower_to_nearest, nearest_among
from labelcycle.components.select.points import Gradients, Vectors

GENERATOR = np.random.default_rng(0)
POINTS = GENERATOR.normal(size=(3000, 8)).astype(np.float32)
CENTRES = GENERATOR.normal(size=(1100, 8)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 1100])
def test_the_nearest_of_any_number_of_centres(count: int) -> None:
    expected = cdist(POINTS, CENTRES[:count], "sqeuclidean").min(axis=1)
    np.testing.assert_allclose(nearest_among(Vectors(POINTS), Vectors(CENTRES[:count])), expected, atol=1e-5)


def test_of_no_centres_all_are_infinitely_far() -> None:
    assert (nearest_among(Vectors(POINTS), Vectors(CENTRES[:0])) == np.inf).all()


def test_distances_are_only_lowered() -> None:
    before = GENERATOR.uniform(0, 8, 3000).astype(np.float32)
    after = before.copy()
    lower_to_nearest(after, Vectors(POINTS), Vectors(CENTRES).at(slice(0, 5)))
    expected = np.minimum(before, cdist(POINTS, CENTRES[:5], "sqeuclidean").min(axis=1))
    np.testing.assert_allclose(after, expected, atol=1e-5)
    assert (after < before).any() and (after == before).any()


def test_gradient_embeddings() -> None:
    left, right = POINTS[:400, :3], POINTS[:400, 3:]
    points = Gradients(Vectors(left), Vectors(right))
    embeddings = np.einsum("nc,nd->ncd", left, right).reshape(400, -1)
    centres = Gradients(Vectors(left[:30]), Vectors(right[:30]))
    expected = cdist(embeddings, embeddings[:30], "sqeuclidean").min(axis=1)
    found = np.full(400, np.inf, np.float32)
    lower_to_nearest(found, points, centres.at(slice(None)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_memory_is_that_of_a_block() -> None:
    points, centres = np.zeros((20_000, 8), np.float16), np.ones((5_000, 8), np.float16)
    tracemalloc.start()
    nearest_among(Vectors(points), Vectors(centres))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6 < 20_000 * 5_000
