"""D² sampling: the distribution of its draws against the one written out, also where most bounds are out of date."""

from itertools import permutations

import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist

from labelcycle.components.select.points import Vectors
from labelcycle.components.select.squared_distance_sampling import sample_by_squared_distance

POINTS = np.array([[0, 0], [1, 0], [0, 2], [3, 3], [3, 3.5]], np.float32)
DRAWS = 6000


def probability(order: tuple[int, ...]) -> float:
    """Of drawing these rows one after another, behind row 0."""
    distances = cdist(POINTS, POINTS, "sqeuclidean")
    nearest, result = distances[0], 1.0
    for row in order:
        result *= nearest[row] / nearest.sum()
        nearest = np.minimum(nearest, distances[row])
    return result


@pytest.mark.parametrize("draws_per_pass", [1, 2, 64])
def test_draws_have_the_exact_distribution(draws_per_pass: int) -> None:
    generator = np.random.default_rng(0)
    orders = list(permutations(range(1, 5), 3))
    counts = dict.fromkeys(orders, 0)
    start = ((POINTS - POINTS[0]) ** 2).sum(axis=1)
    for _ in range(DRAWS):
        rows, _ = sample_by_squared_distance(
            Vectors(POINTS), start.copy(), np.arange(5, dtype=np.uint64), 4, generator, np.array([0]), draws_per_pass
        )
        assert rows[0] == 0
        counts[tuple(rows[1:].tolist())] += 1
    expected = np.array([probability(order) for order in orders])
    assert expected.sum() == pytest.approx(1)
    result = scipy.stats.chisquare([counts[order] for order in orders], expected * DRAWS)
    assert result.pvalue > 1e-3


def test_points_equal_to_picks_are_never_drawn_and_fill_up_in_the_order_of_ties() -> None:
    points = np.repeat(np.array([[0], [5], [9]], np.float32), 4, axis=0)
    start = (points[:, 0] ** 2).copy()
    ties = np.arange(12, dtype=np.uint64)[::-1].copy()
    rows, distances = sample_by_squared_distance(
        Vectors(points), start, ties, 12, np.random.default_rng(3), already=np.array([0])
    )
    assert sorted(rows.tolist()) == list(range(12))
    assert sorted((rows[1:3] // 4).tolist()) == [1, 2]
    assert rows[3:].tolist() == sorted(rows[3:].tolist(), reverse=True)
    assert (distances[:2] > 0).all() and (distances[2:] == 0).all()


def test_distances_are_those_to_the_nearest_earlier_pick() -> None:
    generator = np.random.default_rng(5)
    points = generator.normal(size=(3000, 8)).astype(np.float32)
    start = ((points - points[7]) ** 2).sum(axis=1)
    rows, distances = sample_by_squared_distance(
        Vectors(points), start, np.arange(3000, dtype=np.uint64), 200, generator, already=np.array([7])
    )
    exact = cdist(points[rows], points[rows], "sqeuclidean")
    expected = [exact[number, :number].min() for number in range(1, 200)]
    np.testing.assert_allclose(distances, expected, rtol=1e-3, atol=1e-4)
