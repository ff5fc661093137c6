"""The purity radius against every threshold tried."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist

from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.strategies.probcover import pure_radius

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
