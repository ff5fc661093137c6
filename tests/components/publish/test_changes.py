"""What a cycle changed, against the cycle before."""

from typing import Any

import pytest

from labelcycle.components.core.campaign.cycle_metrics import ClassMetrics, CycleMetrics
from labelcycle.components.core.campaign.summary import CycleSummary, KnownUnknown
from labelcycle.components.publish.report_tables import MOST_MOVED, changes, ratio
from tests.cycle_records import cycle_metrics


def figures(support: int = 10, **f1: float) -> list[ClassMetrics]:
    return [
        ClassMetrics(name=name, precision=value, recall=value, f1=value, support=support) for name, value in f1.items()
    ]


def metrics(classes: list[ClassMetrics], **others: Any) -> CycleMetrics:
    return cycle_metrics(answers=83, labels=80, classes=classes, **others)


BEFORE = CycleSummary(cycle=1, labels=40, answers=41, accuracy=0.6, macro_f1=0.6, ece=0.1, space="space", query_size=42)


def test_classes_that_moved_most_come_first() -> None:
    now = figures(a=0.9, b=0.5, c=0.7, d=0.61, e=0.3, f=0.2, g=0.1)
    before = figures(a=0.8, b=0.7, c=0.7, d=0.6, e=0.1, f=0.19, g=0.105)
    found = changes(metrics(now), BEFORE, metrics(before))
    assert [move.name for move in found.gained] == ["e", "a", "f"][:MOST_MOVED]
    assert [(move.name, round(move.points, 1)) for move in found.lost] == [("b", -20.0)]


def test_classes_that_the_test_set_lacks_do_not_move() -> None:
    absent = figures(support=0, a=0.0)
    assert changes(metrics(figures(a=0.9)), BEFORE, metrics(absent)).gained == []
    assert changes(metrics(absent), BEFORE, metrics(figures(a=0.9))).lost == []


def test_a_renamed_class_moves_and_a_merged_one_does_not() -> None:
    now, before = figures(lime=0.9, warm=0.9, new=0.1), figures(green=0.8, red=0.1, pink=0.1)
    names = {"green": "lime", "red": "warm", "pink": "warm"}
    found = changes(metrics(now), BEFORE, metrics(before), names.__getitem__)
    assert [(move.name, round(move.points, 1)) for move in found.gained] == [("lime", 10.0)] and found.lost == []


def test_new_answers_and_what_the_query_was_worth() -> None:
    found = changes(
        metrics([], previous_query=KnownUnknown(known=16, unknown=24, known_unknown_ratio=1.5)), BEFORE, None
    )
    assert (found.answers, found.labels, found.ratio) == (42, 40, "24:16 = 1.50")
    assert (found.gained, found.lost) == ([], [])


def test_in_the_first_trained_cycle_all_is_new() -> None:
    found = changes(metrics([]), None, None)
    assert (found.answers, found.labels, found.known, found.ratio) == (83, 80, None, "–")


@pytest.mark.parametrize(
    ("unknown", "known", "told"), [(None, None, "–"), (0, 0, "–"), (5, 0, "5:0"), (0, 4, "0:4 = 0.00")]
)
def test_ratio(unknown: int | None, known: int | None, told: str) -> None:
    assert ratio(unknown, known) == told
