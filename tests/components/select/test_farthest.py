"""Furthest-first traversal against the textbook form, which looks at every point for every pick."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from labelcycle.components.select.distances import farthest_first
from labelcycle.components.select.points import Vectors


def textbook(
    vectors: npt.NDArray[np.floating], nearest: npt.NDArray[np.floating], ties: npt.NDArray[np.uint64], budget: int
) -> list[int]:
    distances = cdist(vectors.astype(np.float64), vectors.astype(np.float64), "sqeuclidean")
    nearest = nearest.astype(np.float64).copy()
    rows: list[int] = []
    for _ in range(budget):
        best = np.flatnonzero(nearest == nearest.max())
        row = int(best[ties[best].argmin()])
        rows.append(row)
        nearest = np.minimum(nearest, distances[row])
        nearest[rows] = -1
    return rows


@pytest.mark.parametrize("length", [1, 7, 64, 16384, None])
def test_the_traversal_does_not_depend_on_the_length_of_the_short_list(length: int | None) -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(900, 16)).astype(np.float32)
    vectors[:400] *= 0.05
    start = generator.uniform(100, 200, 900).astype(np.float32)
    start[::3] = 0.5
    ties = generator.permutation(900).astype(np.uint64)
    rows, distances = farthest_first(Vectors(vectors), start.copy(), ties, 300, short_list=length)
    assert rows.tolist() == textbook(vectors, start, ties, 300)
    assert (np.diff(distances) <= 1e-4).all()


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_ties_are_taken_in_their_order(data: st.DataObject) -> None:
    """Small integer coordinates make many equal distances, all exact in float32."""
    size = data.draw(st.integers(1, 30))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    vectors = generator.integers(-1, 2, (size, 2)).astype(np.float32)
    ties = generator.permutation(size).astype(np.uint64)
    start = generator.choice([np.inf, 4, 1], size).astype(np.float32)
    budget = data.draw(st.integers(1, size))
    length = data.draw(st.integers(1, 30))
    rows, _ = farthest_first(Vectors(vectors), start.copy(), ties, budget, short_list=length)
    assert rows.tolist() == textbook(vectors, start, ties, budget)
