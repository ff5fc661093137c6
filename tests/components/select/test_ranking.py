"""Ranking and class balance against forms written out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.ranking import balance_classes, best_first


def balanced_by_hand(predicted: list[int], classes: int, budget: int) -> list[int]:
    """Rows are ranked 0, 1, 2, …: equal shares first, then one more for the best classes, then the best of the rest."""
    waiting = {number: [row for row, held in enumerate(predicted) if held == number] for number in range(classes)}
    chosen: list[int] = []
    for queue in waiting.values():
        share = budget // classes
        chosen += queue[:share]
        del queue[:share]
    next_of_full_classes = sorted(queue[0] for queue in waiting.values() if queue)
    for row in next_of_full_classes[: budget % classes]:
        chosen.append(row)
    rest = [row for row in range(len(predicted)) if row not in chosen]
    return sorted(chosen + rest[: budget - len(chosen)])


@given(st.data(), st.integers(1, 6))
def test_class_balance_is_that_by_hand(data: st.DataObject, classes: int) -> None:
    predicted = data.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=40))
    budget = data.draw(st.integers(1, len(predicted)))
    ranked = np.arange(len(predicted))
    found = balance_classes(ranked, np.array(predicted), classes, budget)
    assert found.tolist() == balanced_by_hand(predicted, classes, budget)


@pytest.mark.parametrize(
    ("predicted", "classes", "budget", "expected"),
    [
        ("AAAABBBB", 2, 4, [0, 1, 4, 5]),
        ("AAAABBBB", 2, 5, [0, 1, 2, 4, 5]),
        ("AAAAAAAB", 2, 4, [0, 1, 2, 7]),
        ("AAAAAAAA", 2, 4, [0, 1, 2, 3]),
        ("AAABBC", 3, 2, [0, 3]),
        ("AAABBC", 3, 3, [0, 3, 5]),
        ("AAABBC", 3, 4, [0, 1, 3, 5]),
        ("AAABBC", 4, 4, [0, 1, 3, 5]),
        ("AAABBC", 3, 6, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_class_balance_by_example(predicted: str, classes: int, budget: int, expected: list[int]) -> None:
    numbers = np.array([ord(letter) - ord("A") for letter in predicted])
    assert balance_classes(np.arange(len(numbers)), numbers, classes, budget).tolist() == expected
    assert balanced_by_hand(numbers.tolist(), classes, budget) == expected


def test_class_balance_keeps_the_order_of_ranks() -> None:
    ranked, predicted = np.array([4, 2, 0, 3, 1]), np.array([1, 0, 0, 1, 1])
    assert balance_classes(ranked, predicted, 2, 4).tolist() == [4, 2, 0, 1]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_best_first_is_sorting(scores: list[int]) -> None:
    ids = np.array([f"id-{number}" for number in range(len(scores))])
    ties = keyed_order(ids, "ties").tolist()
    expected = sorted(range(len(scores)), key=lambda row: (-scores[row], ties[row]))
    assert best_first(np.array(scores, np.float32), ids).tolist() == expected
