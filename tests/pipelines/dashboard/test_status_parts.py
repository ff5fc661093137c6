"""Bars that say how far it is."""

import pytest

from labelcycle.pipelines.dashboard.status_parts import bar


@pytest.mark.parametrize(
    ("done", "total", "drawn"),
    [
        (0, 10, "░░░░░░░░"),
        (5, 10, "████░░░░"),
        (99, 100, "███████░"),
        (10, 10, "████████"),
        (12, 10, "████████"),
        (0, 0, "░░░░░░░░"),
    ],
)
def test_a_bar(done: int, total: int, drawn: str) -> None:
    assert bar(done, total, 8).plain == drawn


def test_a_bar_is_not_endless() -> None:
    assert len(bar(1, 2, 200)) == 40
