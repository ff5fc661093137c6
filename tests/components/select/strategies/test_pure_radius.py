"""The purity radius against every threshold tried."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.strategies.probcover import STEP, pure_radius, radius_of_pure_members

GENERATOR = np.random.default_rng(0)
VECTORS = unit_length(GENERATOR.normal(size=(70, 3)).astype(np.float32))
LABELS = (VECTORS[:, 0] > 0).astype(np.int64) + (VECTORS[:, 1] > 0.3)
ORDER = GENERATOR.permutation(70).astype(np.uint64)


def share_of_pure_balls(radius: float, centres: npt.NDArray[np.int64]) -> float:
    inside = cdist(VECTORS[centres].astype(np.float64), VECTORS.astype(np.float64)) < radius
    mixed = (inside & (LABELS[centres][:, None] != LABELS)).any(axis=1)
    return float(1 - mixed.mean())


@pytest.mark.parametrize("purity", [0.05, 0.5, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("balls", [25, 1024])
def test_no_larger_radius_is_pure_enough(purity: float, balls: int) -> None:
    centres = np.argsort(ORDER)[:balls]
    found = pure_radius(Vectors(VECTORS), LABELS, purity, ORDER, balls)
    thresholds = np.sort(cdist(VECTORS[centres].astype(np.float64), VECTORS.astype(np.float64)).ravel())
    best = max(radius for radius in thresholds if share_of_pure_balls(radius, centres) >= purity)
    assert found == pytest.approx(best, rel=1e-3)
    assert share_of_pure_balls(found, centres) >= purity
    assert share_of_pure_balls(found * (1 + 1e-3), centres) < purity


def test_one_pseudo_label_gives_the_largest_radius() -> None:
    assert pure_radius(Vectors(VECTORS), np.zeros(70, np.int64), 0.95, ORDER) == 2


def test_equals_of_two_pseudo_labels_give_a_radius_above_zero() -> None:
    vectors = np.tile(np.float32([[1, 0]]), (10, 1))
    assert 0 < pure_radius(Vectors(vectors), np.arange(10) % 2, 0.95, ORDER[:10]) < 0.01


def share_of_pure_members(radius: float) -> float:
    inside = cdist(VECTORS.astype(np.float64), VECTORS.astype(np.float64)) < radius
    return float(((inside & (LABELS[:, None] == LABELS)).sum(axis=1) / inside.sum(axis=1)).mean())


@pytest.mark.parametrize("purity", [0.5, 0.85, 0.95, 1.0])
def test_at_no_larger_step_are_members_pure_enough(purity: float) -> None:
    found = radius_of_pure_members(Vectors(VECTORS), LABELS, purity, ORDER)
    fine = [step * STEP for step in range(1, 201) if share_of_pure_members(step * STEP) >= purity]
    assert found == pytest.approx(max(fine))


def test_a_dense_class_does_not_decide_the_radius_of_members() -> None:
    """One class lies in a point, two are wide: balls of the paper's radius hold hardly anything of the wide ones."""
    generator = np.random.default_rng(3)
    centres = unit_length(generator.normal(size=(3, 8)).astype(np.float32))
    labels = np.repeat(np.arange(3), 60)
    spread = np.float32([0.01, 0.5, 0.5])[labels][:, None]
    vectors = unit_length(centres[labels] + spread * generator.normal(size=(180, 8)).astype(np.float32))
    order = generator.permutation(180).astype(np.uint64)
    radii = [
        pure_radius(Vectors(vectors), labels, 0.95, order),
        radius_of_pure_members(Vectors(vectors), labels, 0.85, order),
    ]
    apart = cdist(vectors[60:], vectors[60:]) + 9 * np.eye(120)
    alone = [float((apart.min(axis=1) >= radius).mean()) for radius in radii]
    assert radii[0] < radii[1] and alone[1] < 0.1 < alone[0]


def test_members_of_one_pseudo_label_give_the_largest_radius() -> None:
    assert radius_of_pure_members(Vectors(VECTORS), np.zeros(70, np.int64), 0.85, ORDER) == pytest.approx(2)
