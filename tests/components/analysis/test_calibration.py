"""Calibration error against a loop over bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.components.analysis.accuracy import BINS, expected_calibration_error, reliability


def error_by_hand(confidence: list[float], correct: list[bool]) -> float:
    total = 0.0
    for number in range(BINS):
        lowest, highest = number / BINS, (number + 1) / BINS
        inside = [
            row for row, value in enumerate(confidence) if lowest < value <= highest or (number == 0 and value == 0)
        ]
        if inside:
            accuracy = sum(correct[row] for row in inside) / len(inside)
            mean = sum(confidence[row] for row in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(accuracy - mean)
    return total


values = st.integers(0, 1000).map(lambda number: number / 1000)


@given(st.lists(st.tuples(values, st.booleans()), min_size=1, max_size=60))
def test_it_is_the_sum_over_bins(rows: list[tuple[float, bool]]) -> None:
    confidence, correct = [row[0] for row in rows], [row[1] for row in rows]
    found = expected_calibration_error(np.array(confidence), np.array(correct))
    assert found == pytest.approx(error_by_hand(confidence, correct), abs=1e-9)


@pytest.mark.parametrize(
    ("confidence", "correct", "expected"),
    [
        ([1.0, 1.0], [True, True], 0.0),
        ([1.0, 1.0], [False, False], 1.0),
        ([0.8] * 10, [True] * 8 + [False] * 2, 0.0),
        ([0.8] * 10, [True] * 5 + [False] * 5, 0.3),
        ([0.9, 0.9, 0.5, 0.5], [True, False, True, True], 0.45),
    ],
)
def test_by_example(confidence: list[float], correct: list[bool], expected: float) -> None:
    found = expected_calibration_error(np.array(confidence, np.float32), np.array(correct))
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_bins_of_the_diagram_are_those_of_the_error() -> None:
    generator = np.random.default_rng(3)
    confidence = generator.uniform(0.3, 1.0, 500)
    correct = generator.uniform(size=500) < confidence**2
    bins = reliability(confidence, correct)
    assert sum(one.count for one in bins) == 500
    assert all(one.low <= one.confidence <= one.high for one in bins)
    error = sum(one.count * abs(one.confidence - one.accuracy) for one in bins) / 500
    assert error == pytest.approx(expected_calibration_error(confidence, correct))


def test_empty_bins_are_left_out() -> None:
    bins = reliability(np.array([0.99, 1.0]), np.array([True, False]))
    assert [(one.count, one.accuracy) for one in bins] == [(2, 0.5)]
