"""Moments of the pool's features, whatever parts they come in."""

import numpy as np
import pytest

from labelcycle.components.train_adapter.feature_moments import feature_moments


@pytest.fixture
def features() -> np.ndarray:
    """Float16 of very different sizes; one column is constant, one is large with a little noise."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(5000, 5)) * [1, 1e-6, 30_000, 0, 0.5] + [0, 0, 0, 0.1, 1000]
    return np.clip(values, -65504, 65504).astype(np.float16)


def test_they_are_those_of_numpy(features: np.ndarray) -> None:
    moments = feature_moments([features])
    assert moments is not None
    double = features.astype(np.float64)
    assert np.allclose(moments[0], double.mean(axis=0), rtol=1e-6)
    assert np.allclose(moments[1][:3], double.std(axis=0)[:3], rtol=1e-6)
    assert moments[1][3] == 0


def test_parts_and_their_order_change_no_bit(features: np.ndarray) -> None:
    whole = feature_moments([features])
    shuffled = np.random.default_rng(1).permutation(features)
    for parts in (np.split(features, [1, 17, 3000]), [shuffled], np.split(shuffled, 50)):
        found = feature_moments(parts)
        assert found is not None and whole is not None
        assert all(np.array_equal(left, right) for left, right in zip(found, whole, strict=True))


def test_the_largest_values_do_not_overflow() -> None:
    features = np.full((3000, 2), 65504, np.float16)
    features[::2, 1] = -65504
    moments = feature_moments([features])
    assert moments is not None
    assert moments[0].tolist() == [65504, 0] and moments[1].tolist() == [0, 65504]


def test_without_rows_there_are_none() -> None:
    assert feature_moments([]) is None and feature_moments([np.empty((0, 3), np.float16)]) is None
