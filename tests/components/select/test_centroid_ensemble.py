"""Members matched to each other, and the correction by their mean and covariance."""

import numpy as np
import pytest

from labelcycle.components.select.centroid_matching import debiased, matched
from labelcycle.components.select.points import unit_length


def unit(count: int, width: int = 4, seed: int = 0) -> np.ndarray:
    return unit_length(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


def test_members_are_matched_one_to_one() -> None:
    reference = unit(12)
    order = np.random.default_rng(1).permutation(12)
    noisy = unit_length(reference[order] + 0.05 * unit(12, seed=2))
    assert np.array_equal(matched(noisy, reference), noisy[np.argsort(order)])


def test_the_correction_is_the_printed_one_where_it_is_short() -> None:
    """With a large spread in few directions Σ⁻¹ is small, so that nothing is cut."""
    members = [unit(3, 2, seed) * 1 for seed in range(5)]
    sets = np.stack([members[0], *(matched(member, members[0]) for member in members[1:])]).astype(np.float64)
    mean = sets.mean(axis=0)
    deviations = sets - mean
    covariance = np.einsum("ekd,ekf->df", deviations, deviations) / 15
    covariance += 50 * np.trace(covariance) / 2 * np.eye(2)
    expected = sets[0] - (sets[0] - mean) @ np.linalg.inv(covariance)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(debiased(members, shrinkage=50), expected, atol=1e-5)


def test_no_centroid_moves_farther_than_to_the_mean() -> None:
    members = [unit_length(unit(6, 30) + 0.1 * unit(6, 30, seed)) for seed in range(1, 6)]
    mean = np.mean([members[0], *(matched(member, members[0]) for member in members[1:])], axis=0)
    result = debiased(members, shrinkage=1e-3)
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1, atol=1e-6)
    moved = np.linalg.norm(result - members[0], axis=1)
    assert (moved > 0.01).all()
    assert (moved <= 1.1 * np.linalg.norm(members[0] - mean, axis=1)).all()


@pytest.mark.parametrize("count", [1, 4])
def test_members_that_agree_are_left_alone(count: int) -> None:
    member = unit(5)
    assert np.array_equal(debiased([member] * count, shrinkage=1e-3), member)
