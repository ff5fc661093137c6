"""Uncertainties against explicit formulas."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.components.core.models.uncertainty import confidence, cross_entropy, entropy, margin


@st.composite
def distributions(draw: st.DrawFn) -> np.ndarray:  # type: ignore[type-arg]
    rows, classes = draw(st.integers(1, 5)), draw(st.integers(2, 6))
    weights = draw(st.lists(st.integers(0, 20), min_size=rows * classes, max_size=rows * classes))
    table = np.array(weights, np.float32).reshape(rows, classes)
    table[:, 0] += table.sum(axis=1) == 0
    return table / table.sum(axis=1, keepdims=True)


@given(distributions())
def test_entropy_is_that_of_scipy(probabilities: np.ndarray) -> None:  # type: ignore[type-arg]
    np.testing.assert_allclose(entropy(probabilities), scipy.stats.entropy(probabilities, axis=1), atol=1e-5)


@given(distributions())
def test_confidence_and_margin(probabilities: np.ndarray) -> None:  # type: ignore[type-arg]
    for row, certain, gap in zip(probabilities, confidence(probabilities), margin(probabilities), strict=True):
        first, second = sorted(row, reverse=True)[:2]
        assert certain == first
        assert gap == first - second


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_entropy_of_the_uniform_distribution(classes: int, dtype: type) -> None:
    probabilities = np.full((1, classes), 1 / classes, dtype)
    assert entropy(probabilities).dtype == dtype
    assert entropy(probabilities).item() == pytest.approx(np.log(classes), rel=1e-4)


@pytest.mark.parametrize("row", [[1.0, 0.0, 0.0], [1.0000001, 0.0, 0.0]])
def test_entropy_of_certainty_is_zero_and_not_negative(row: list[float]) -> None:
    value = entropy(np.array([row], np.float32)).item()
    assert f"{value:.3f}" == "0.000"


def test_inputs_are_not_changed() -> None:
    probabilities = np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]])
    before = probabilities.copy()
    for measure in (entropy, margin, confidence):
        measure(probabilities)
    assert np.array_equal(probabilities, before)


def test_cross_entropy_is_the_loss_of_the_true_class() -> None:
    probabilities = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], np.float32)
    losses = cross_entropy(probabilities, np.array([2, 0, 1]))
    assert losses.dtype == np.float32
    assert losses[0] == pytest.approx(-np.log(0.3), rel=1e-6)
    assert losses[1] == 0 and not np.signbit(losses[1])
    assert 80 < losses[2] < 100, "finite where the model rules the class out"
