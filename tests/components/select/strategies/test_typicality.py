"""Typicality against its definition on all pairs."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.select.strategies.typiclust import typicality


def definition(vectors: npt.NDArray[np.floating], neighbours: int) -> list[float]:
    distances = np.sort(cdist(vectors.astype(np.float64), vectors.astype(np.float64), "sqeuclidean"), axis=1)[:, 1:]
    wanted = min(neighbours, max(1, len(vectors) // 2))
    return [1 / (float(row[:wanted].mean()) + 1e-5) for row in distances]


@pytest.mark.parametrize("size", [2, 3, 10, 39, 40, 41, 300])
@pytest.mark.parametrize("neighbours", [1, 20])
def test_the_definition(size: int, neighbours: int) -> None:
    vectors = np.random.default_rng(size).normal(size=(size, 5)).astype(np.float32)
    np.testing.assert_allclose(typicality(vectors, neighbours), definition(vectors, neighbours), rtol=1e-4)


def test_a_sample_alone_and_samples_that_are_equal() -> None:
    assert typicality(np.ones((1, 3), np.float32), 20) == pytest.approx(1e5)
    vectors = np.random.default_rng(0).normal(size=(1, 200)).astype(np.float32).repeat(30, axis=0)
    assert typicality(vectors, 20) == pytest.approx(1e5)
