"""Standardised features against statistics in double precision."""

import numpy as np
import pytest

from labelcycle.components.select.standardised import standardised

GENERATOR = np.random.default_rng(0)
FEATURES = (GENERATOR.normal(size=(5000, 7)) * [1, 2, 3, 40, 0.01, 1, 1] + [0, 5, -3, 100, 1, 0, 0]).astype(np.float32)


@pytest.mark.parametrize("labelled", [0, 700])
def test_mean_zero_deviation_one_length_one(labelled: int) -> None:
    points, known = standardised(FEATURES[labelled:], FEATURES[:labelled])
    exact = FEATURES.astype(np.float64)
    exact = (exact - exact.mean(axis=0)) / exact.std(axis=0)
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    read = np.concatenate([known.read(slice(0, labelled)), points.read(slice(0, 5000 - labelled))])
    np.testing.assert_allclose(read, exact, atol=1e-4)
    assert read.dtype == np.float32


def test_without_labelled_samples() -> None:
    points, known = standardised(FEATURES)
    assert (len(points), len(known), known.width) == (5000, 0, 7)


def test_the_statistics_stay_while_candidates_become_labelled() -> None:
    read = [standardised(FEATURES[count:], FEATURES[:count])[0].read(slice(4000 - count, None)) for count in (0, 300)]
    np.testing.assert_allclose(read[0], read[1], atol=1e-5)


@pytest.mark.parametrize("value", [0, 0.1, 1e-30, -7.3, 1e15])
@pytest.mark.parametrize("size", [1, 3, 5000])
def test_constant_coordinates_make_no_difference(value: float, size: int) -> None:
    constant = np.full((size, 2), value, np.float32)
    assert (standardised(constant)[0].read(slice(0, size)) == 0).all()
    together = standardised(np.concatenate([FEATURES[:size], constant], axis=1))[0].read(slice(0, size))
    alone = standardised(FEATURES[:size])[0].read(slice(0, size))
    np.testing.assert_array_equal(together[:, :7], alone)
    assert (together[:, 7:] == 0).all()


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**40])
def test_scales(scale: float) -> None:
    expected = standardised(FEATURES)[0].read(slice(0, 5000))
    np.testing.assert_array_equal(standardised(FEATURES * np.float32(scale))[0].read(slice(0, 5000)), expected)


def test_features_are_not_changed() -> None:
    before = FEATURES.copy()
    for rows in (slice(0, 50), np.arange(50)):
        standardised(FEATURES)[0].read(rows)
    np.testing.assert_array_equal(FEATURES, before)
