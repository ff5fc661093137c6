"""Savings against the random arm: by hand, at the ends, and against itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.pipelines.backtest.curves import saved

LABELS = [10, 20, 30, 40]
RANDOM = [[0.5, 0.6, 0.8, 0.9]]


def test_by_hand() -> None:
    """At 20 labels random needs 25, at 30 it needs 35, at 40 it needs 40; 0.9 is reached between 30 and 40."""
    found = saved(LABELS, [[0.5, 0.7, 0.85, 0.9]], RANDOM, first=1)
    assert found.ratio == pytest.approx((5 / 25 + 5 / 35 + 0) / 3)
    assert (found.lowest, found.highest) == pytest.approx((found.ratio, found.ratio))
    assert (found.sign, found.censored_share) == ("", 0.0)
    assert (found.labels_needed, found.labels_sign) == (40, "")


def test_curves_are_averaged_before_they_are_inverted_and_seeds_show_the_spread() -> None:
    """Seed 1 is random itself; seed 0 and the mean reach random's 0.8 with 20 labels."""
    found = saved([10, 20, 30], [[0.5, 0.8, 0.8], [0.5, 0.6, 0.8]], [[0.5, 0.6, 0.8], [0.5, 0.6, 0.8]], first=1)
    assert found.ratio == pytest.approx(((25 - 20) / 25 + 0) / 2)
    assert (found.lowest, found.highest) == pytest.approx((0.0, (10 / 30 + 0) / 2))


@given(
    st.lists(
        st.lists(st.integers(0, 300).map(lambda right: right / 300), min_size=4, max_size=4), min_size=1, max_size=4
    )
)
def test_random_against_itself_saves_exactly_nothing(curves: list[list[float]]) -> None:
    found = saved(LABELS, curves, curves, first=0)
    assert (found.ratio, found.lowest, found.highest, found.censored_share) == (0.0, 0.0, 0.0, 0.0)
    assert (found.sign, found.labels_sign) == ("", "")


def test_the_fewest_labels_with_the_last_accuracy_count_on_a_flat_end() -> None:
    flat = [[0.5, 0.8, 0.8, 0.8]]
    assert saved(LABELS, flat, flat, first=1).labels_needed == 20


def test_above_the_random_arm_the_saving_is_a_lower_bound() -> None:
    found = saved(LABELS, [[0.5, 0.95, 0.95, 0.95]], RANDOM, first=1)
    assert (found.sign, found.censored_share) == ("≥", 1.0)
    assert found.ratio == pytest.approx((20 / 40 + 10 / 40 + 0) / 3)
    assert found.labels_needed == pytest.approx(10 + 10 * 0.4 / 0.45)


def test_a_strategy_that_is_worse_has_a_negative_saving() -> None:
    found = saved(LABELS, [[0.5, 0.55, 0.6, 0.7]], RANDOM, first=1)
    assert found.ratio == pytest.approx(((15 - 20) / 15 + (20 - 30) / 20 + (25 - 40) / 25) / 3)
    assert (found.sign, found.labels_needed, found.labels_sign) == ("", 40, "≥")


def test_below_the_random_arm_the_saving_is_an_upper_bound() -> None:
    found = saved(LABELS, [[0.1, 0.2, 0.2, 0.2]], RANDOM, first=0)
    assert (found.sign, found.censored_share) == ("≤", 1.0)
    assert found.ratio == pytest.approx((0 - 1 - 2 - 3) / 4)


def test_bounds_in_both_directions_are_marked_as_such() -> None:
    assert saved(LABELS, [[0.1, 0.2, 0.95, 0.95]], RANDOM, first=0).sign == "~"


def test_a_strategy_that_is_better_from_the_first_needs_at_most_the_first_labels() -> None:
    found = saved(LABELS, [[0.95, 0.95, 0.95, 0.95]], RANDOM, first=0)
    assert (found.labels_needed, found.labels_sign) == (10, "≤")


def test_the_points_before_the_first_do_not_count() -> None:
    """The first point is censored; the others are random's own."""
    active = [[0.4, 0.6, 0.8, 0.9]]
    assert saved(LABELS, active, RANDOM, first=1).censored_share == 0
    assert saved(LABELS, active, RANDOM, first=0).censored_share == 0.25
