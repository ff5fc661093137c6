"""The medoid against the sum of squared distances to all others."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.select.distances import medoid
from labelcycle.components.select.points import Vectors, unit_length


@pytest.mark.parametrize("size", [1, 3, 300, 5000])
def test_the_least_sum_of_squared_distances(size: int) -> None:
    vectors = np.random.default_rng(size).normal(size=(size, 6)).astype(np.float32)
    ties = np.arange(size, dtype=np.uint64)
    assert medoid(Vectors(vectors), ties) == cdist(vectors, vectors, "sqeuclidean").sum(axis=1).argmin()
    prepared = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = cdist(prepared, prepared, "sqeuclidean").sum(axis=1).argmin()
    assert medoid(Vectors(vectors, unit_length), ties) == expected


def test_ties_decide_between_equals() -> None:
    vectors = np.float32([[0, 1], [0, -1], [5, 0], [-5, 0], [0, 1], [0, -1]])
    for best in (0, 1, 4, 5):
        ties = np.full(6, 9, np.uint64)
        ties[best] = 3
        assert medoid(Vectors(vectors), ties) == best


def test_the_largest_half_precision_numbers() -> None:
    vectors = np.where(np.random.default_rng(0).random((3000, 384)) < 0.5, 65504, 60000).astype(np.float16)
    exact = vectors.astype(np.float64)
    expected = np.square(exact - exact.mean(axis=0)).sum(axis=1).argmin()
    assert medoid(Vectors(vectors), np.arange(3000, dtype=np.uint64)) == expected
