"""Figures as blocks."""

from hypothesis import given
from hypothesis import strategies as st

from labelcycle.pipelines.dashboard.status_parts import BLOCKS, sparkline


def test_lowest_and_highest_are_the_ends_of_the_scale() -> None:
    assert sparkline([0.2, 0.3, 0.9, 0.55], 10) == "▁▂█▅"


def test_a_level_course_and_none_at_all() -> None:
    assert sparkline([0.4, 0.4, 0.4], 10) == "▁▁▁"
    assert sparkline([], 10) == ""


def test_the_last_are_shown_where_room_is_short() -> None:
    assert sparkline([9.0, 1.0, 2.0], 2) == "▁█"
    assert sparkline([1.0, 2.0], 0) == sparkline([1.0, 2.0], -3) == ""


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_higher_figures_never_have_lower_blocks(figures: list[float]) -> None:
    blocks = sparkline(figures, 20)
    assert len(blocks) == len(figures)
    ranked = sorted(zip(figures, (BLOCKS.index(block) for block in blocks), strict=True))
    assert [height for _, height in ranked] == sorted(height for _, height in ranked)
