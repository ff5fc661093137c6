"""Savings against a random arm: by hand, at the ends, and against itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.components.analysis.savings import (
    AverageSaving,
    Curve,
    Saving,
    Sign,
    average_saving,
    cycles_until,
    savings,
)

RANDOM = Curve([10, 20, 30, 40], [0.5, 0.6, 0.8, 0.9])


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    labels = sorted(draw(st.sets(st.integers(1, 5000), min_size=1, max_size=12)))
    accuracy = draw(st.lists(st.integers(0, 300).map(lambda right: right / 300), min_size=len(labels), max_size=12))
    return Curve(labels, accuracy[: len(labels)])


def test_by_hand() -> None:
    active = Curve([10, 20, 30], [0.55, 0.7, 0.85])
    found = savings(active, RANDOM)
    assert [saving.labels for saving in found] == [10, 20, 30]
    assert [saving.equivalent_labels for saving in found] == pytest.approx([15, 25, 35])
    assert [saving.ratio for saving in found] == pytest.approx([5 / 15, 5 / 25, 5 / 35])
    assert not any(saving.censored for saving in found)


@given(curves())
def test_a_curve_against_itself_saves_exactly_nothing(curve: Curve) -> None:
    assert savings(curve, curve) == [Saving(labels, labels, 0.0) for labels in curve.labels]


def test_above_the_random_arm_the_saving_is_a_lower_bound() -> None:
    assert savings(Curve([20], [0.95]), RANDOM) == [Saving(20, 40.0, 0.5, "≥")]


def test_below_the_random_arm_the_saving_is_an_upper_bound() -> None:
    assert savings(Curve([40], [0.4]), RANDOM) == [Saving(40, 10.0, -3.0, "≤")]


@pytest.mark.parametrize(("labels", "needed"), [(5, 10), (25, 25), (60, 40)])
def test_on_a_flat_part_the_nearest_number_of_labels_counts(labels: int, needed: int) -> None:
    flat = Curve([5, 10, 20, 30, 40, 50], [0.3, 0.7, 0.7, 0.7, 0.7, 0.9])
    assert savings(Curve([labels], [0.7]), flat)[0].equivalent_labels == needed


@given(
    st.integers(1, 299).map(lambda right: right / 300),
    st.lists(st.integers(1, 50), min_size=5, max_size=5, unique=True),
)
def test_flat_parts_are_flat_to_the_last_bit(accuracy: float, steps: list[int]) -> None:
    start, low, middle, high, end = (sum(steps[: number + 1]) for number in range(5))
    yardstick = Curve([start, low, middle, high, end], [0.0, accuracy, accuracy, accuracy, 1.0])
    assert savings(Curve([middle], [accuracy]), yardstick) == [Saving(middle, middle, 0.0)]


def test_wiggles_are_pooled_before_they_are_inverted() -> None:
    """0.8 and 0.6 pool to 0.7 at 20 and 30 labels."""
    wiggly = Curve([10, 20, 30, 40], [0.5, 0.8, 0.6, 0.9])
    assert savings(Curve([25], [0.7]), wiggly)[0].equivalent_labels == 25
    assert savings(Curve([15], [0.6]), wiggly)[0].equivalent_labels == pytest.approx(15)


def test_losing_against_random_is_negative() -> None:
    assert savings(Curve([40], [0.6]), RANDOM)[0].ratio == -1.0


@pytest.mark.parametrize(
    ("signs", "sign", "lower_bound"),
    [
        (["", ""], "", 0.25),
        (["", "≥"], "≥", 0.25),
        (["≤", ""], "≤", None),
        (["≤", "≥"], "~", None),
    ],
)
def test_the_average_is_a_bound_where_a_point_is(signs: list[Sign], sign: Sign, lower_bound: float | None) -> None:
    found = average_saving([Saving(10, 20.0, 0.5, signs[0]), Saving(20, 20.0, 0.0, signs[1])])
    assert found == AverageSaving(0.25, sign, sum(one != "" for one in signs) / 2)
    assert found.lower_bound == lower_bound


@pytest.mark.parametrize(("needed", "cycles"), [(0, 1), (10, 1), (10.5, 2), (30, 3), (31, 3)])
def test_cycles_until_there_are_enough_labels(needed: float, cycles: int) -> None:
    assert cycles_until([10, 20, 30], needed) == cycles
