"""What samples pull, against dense forms."""

from collections.abc import Callable

import numpy as np
import pytest

from labelcycle.components.core.features.blocks import BLOCK_ROWS
from labelcycle.components.select.centroids import (
    assign_to_centroids,
    frozen_centroids,
    pull_of_samples,
    ready_for_steps,
)
from labelcycle.components.select.points import Vectors, unit_length


def unit(count: int, width: int = 5, seed: int = 0) -> np.ndarray:
    return unit_length(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


SAMPLES = 3 * BLOCK_ROWS - 100


def test_samples_go_to_the_most_similar_centroid() -> None:
    samples, centroids = unit(SAMPLES), unit(7, seed=1)
    found = assign_to_centroids(Vectors(samples), centroids)
    cosines = samples @ centroids.T
    assert found.nearest.tolist() == cosines.argmax(axis=1).tolist()
    np.testing.assert_allclose(found.cosines, cosines.max(axis=1), atol=1e-6)


def test_without_centroids_nothing_is_similar() -> None:
    assert assign_to_centroids(Vectors(unit(3)), unit(0)).cosines.tolist() == [-2, -2, -2]


@pytest.mark.parametrize("rows", [None, np.arange(3, SAMPLES - 20, 2)])
def test_pull_is_the_weighted_sum_of_the_samples_of_each_centroid(rows: np.ndarray | None) -> None:
    samples, free, still = unit(SAMPLES), unit(7, seed=1), unit(4, seed=2)
    frozen = frozen_centroids(Vectors(samples), still)
    given = np.random.default_rng(3).random(SAMPLES)
    pull = pull_of_samples(
        Vectors(samples), rows, free, lambda rows, numbers, cosines: (numbers * cosines, given[rows]), frozen
    )
    used = np.arange(SAMPLES) if rows is None else rows
    cosines = samples[used] @ np.concatenate([free, still]).T
    numbers = cosines.argmax(axis=1)
    assert len(set(numbers)) > 8
    sums, weights = np.zeros((7, 5)), np.zeros(11)
    for row, number in zip(used, numbers, strict=True):
        weights[number] += given[row]
        if number < 7:
            sums[number] += given[row] * samples[row]
    np.testing.assert_allclose(pull.sums, sums, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(pull.weights, weights, atol=1e-9)
    assert pull.value == pytest.approx((numbers * cosines.max(axis=1)).sum(), rel=1e-5)


def test_small_pools_are_held_in_memory() -> None:
    reads: list[int] = []

    def prepare(block: np.ndarray) -> np.ndarray:
        reads.append(len(block))
        return unit_length(block)

    vectors = Vectors(np.ones((10, 4), np.float16), prepare)
    held = ready_for_steps(vectors, 10)
    assert np.array_equal(held.read(slice(2, 5)), vectors.read(slice(2, 5)))
    assert reads == [10, 3]
    assert ready_for_steps(vectors, 9) is vectors
    assert ready_for_steps(vectors, 10, held_numbers=39) is vectors


def test_pull_does_not_depend_on_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def pull() -> Callable[..., None]:
        return pull_of_samples(
            Vectors(unit(SAMPLES)), None, unit(9, seed=1), lambda rows, numbers, cosines: (cosines, cosines)
        )

    one = pull()
    monkeypatch.setattr("labelcycle.components.core.features.blocks.cores", lambda: 4)
    four = pull()
    assert np.array_equal(one.sums, four.sums) and one.value == four.value
