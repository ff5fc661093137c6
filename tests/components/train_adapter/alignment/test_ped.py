"""PED against its form with C×C×d arrays."""

import numpy as np
import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.components.train_adapter.alignment.ped import potential_energy_decline


def dense(
    features: np.ndarray, classes: np.ndarray, mean: np.ndarray, deviation: np.ndarray
) -> tuple[np.ndarray, list[float], int]:
    """Every step anew from the samples, every pair of classes with a vector of its own."""
    scale = np.maximum(deviation, 1e-3)
    changes: list[float] = []
    for step in range(6):
        standardised = (features - mean) / scale
        present, place = np.unique(classes, return_inverse=True)
        means = np.stack([standardised[place == number].mean(axis=0) for number in range(len(present))])
        variances = np.stack([standardised[place == number].var(axis=0) for number in range(len(present))])
        radii = 0.6 * np.sqrt(variances.sum(axis=1))
        moves = np.zeros((len(present), len(present), features.shape[1]))
        for i in range(len(present)):
            for j in range(len(present)):
                distance = np.linalg.norm(means[i] - means[j])
                if distance > 0:
                    force = max(radii[i] + radii[j] - distance, 0)
                    moves[i, j] = (means[i] - means[j]) / distance * min(0.5 * 0.1**2 * force, force)
        movement = moves.sum(axis=1)
        changes.append(np.abs(movement).sum())
        if changes[-1] <= 0.5 * changes[0]:
            return features, changes, step
        features = (standardised + movement[place]) * scale + mean
    return features, changes, 6


def classes_around(spread: float, count: int = 12, width: int = 7, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, count, 40 * count)
    centres = generator.normal(size=(count, width)) * spread
    return (centres[classes] + generator.normal(size=(len(classes), width))) * generator.uniform(0.5, 5, width), classes


@pytest.mark.parametrize(("spread", "count"), [(0.1, 12), (0.7, 12), (1.0, 12), (0.01, 150), (100.0, 3)])
def test_samples_move_as_in_the_dense_form(spread: float, count: int) -> None:
    features, classes = classes_around(spread, count)
    motion = potential_energy_decline(features, classes)
    expected, changes, steps = dense(features, classes, features.mean(axis=0), features.std(axis=0))
    assert motion.steps == steps
    np.testing.assert_allclose(motion.changes, changes, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(motion.features, expected, atol=1e-8)


def test_the_pool_may_give_mean_and_deviation() -> None:
    features, classes = classes_around(0.5)
    mean, deviation = np.full(7, 0.3), np.array([0.5, 1, 2, 1e-9, 1, 1, 1])
    motion = potential_energy_decline(features, classes, mean, deviation)
    expected, _, _ = dense(features, classes, mean, deviation)
    np.testing.assert_allclose(motion.features, expected, atol=1e-6)
    assert not np.allclose(motion.features, potential_energy_decline(features, classes).features)


def test_where_all_overlap_a_step_shrinks_by_half_a_percent_a_class() -> None:
    """The reason why a single step means a hundred classes rather than features that stay."""
    for count, steps in ((20, 6), (120, 1)):
        motion = potential_energy_decline(*classes_around(0.001, count, width=30))
        assert motion.changes[1] / motion.changes[0] == pytest.approx(1 - 0.005 * count, abs=0.01)
        assert motion.steps == steps


def test_classes_that_do_not_overlap_stay() -> None:
    features, classes = classes_around(100.0, 3)
    motion = potential_energy_decline(features, classes)
    assert (motion.steps, motion.changes) == (0, [0.0])
    assert np.array_equal(motion.features, features)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_degenerate_features_stay_finite(count: int) -> None:
    for classes in (np.zeros(count, int), np.arange(count), np.arange(count) % 2):
        for features in (np.zeros((count, 3)), np.ones((count, 3), np.float16), np.eye(count)):
            motion = potential_energy_decline(features, classes)
            assert np.isfinite(motion.features).all()


def test_classes_at_one_point_do_not_push_each_other() -> None:
    features = np.tile([[1.0, 2.0], [3.0, 1.0], [5.0, 6.0], [0.1, 0.3]], (2, 1))
    motion = potential_energy_decline(features, np.repeat([0, 1], 4))
    assert motion.steps == 0


def test_the_arguments_are_not_changed() -> None:
    features, classes = classes_around(0.5)
    before = features.copy()
    potential_energy_decline(features, classes)
    assert np.array_equal(features, before)


@pytest.mark.parametrize(("count", "classes"), [(0, 0), (3, 2)])
def test_what_does_not_belong_together_is_refused(count: int, classes: int) -> None:
    with pytest.raises(InputError, match=f"got {count} samples and {classes} classes"):
        potential_energy_decline(np.zeros((count, 2)), np.zeros(classes, int))
