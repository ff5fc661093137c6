"""The width of a kernel against all distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.select.kernel_coverage import SMALLEST, WIDTH_OF_EQUALS, bandwidth_of
from labelcycle.components.select.points import Vectors

POINTS = np.random.default_rng(0).normal(size=(1300, 5)).astype(np.float32)


def distances(points: np.ndarray, asked: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    between = cdist(points[asked], points)
    between[np.arange(len(asked)), asked] = np.inf
    return np.asarray(between.min(axis=1))


def test_the_median_distance_to_the_nearest_other() -> None:
    expected = np.median(distances(POINTS[:1000], np.arange(1000)))
    assert bandwidth_of(Vectors(POINTS[:1000])) == pytest.approx(expected, rel=1e-4)


def test_of_many_a_thousand_are_asked() -> None:
    asked = np.linspace(0, 1299, 1000).astype(int)
    assert bandwidth_of(Vectors(POINTS)) == pytest.approx(np.median(distances(POINTS, asked)), rel=1e-4)


def test_a_set_of_less_than_two_is_passed_over() -> None:
    expected = bandwidth_of(Vectors(POINTS[:40]))
    for few in (POINTS[:0], POINTS[:1], POINTS[[3, 3, 3]]):
        assert bandwidth_of(Vectors(few), Vectors(POINTS[:40])) == expected
    assert bandwidth_of(Vectors(POINTS[:2]), Vectors(POINTS[:40])) == pytest.approx(
        np.linalg.norm(POINTS[0] - POINTS[1]), rel=1e-4
    )


def test_copies_do_not_make_it_zero() -> None:
    copies = np.concatenate([POINTS[:3], *[POINTS[:1]] * 9])
    expected = cdist(POINTS[1:3], copies[[0, 1, 2]])
    assert bandwidth_of(Vectors(copies)) == pytest.approx(np.median([np.sort(row)[1] for row in expected]), rel=1e-4)


def test_equals_and_what_is_almost_equal() -> None:
    assert bandwidth_of() == bandwidth_of(Vectors(POINTS[[0, 0]])) == WIDTH_OF_EQUALS
    assert bandwidth_of(Vectors(np.array([[0, 0], [1e-9, 0]], np.float32))) == SMALLEST
