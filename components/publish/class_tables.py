"""Tables of the classes: the worst first, and what they are taken for."""

from typing import Any

LISTED_MISTAKES = 10


def worst_first(classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Classes by rising F1, then name; those that the test set lacks come last."""
    return sorted(classes, key=lambda figures: (figures["support"] == 0, figures["f1"], figures["name"]))


def mistakes(confusion: list[list[int]], classes: list[str]) -> list[dict[str, Any]]:
    """The most frequent mistakes, most frequent first: true class, predicted class, count, share of the true class."""
    found = [
        (-count, row, column)
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return [
        {"true": classes[row], "predicted": classes[column], "count": -count, "share": -count / sum(confusion[row])}
        for count, row, column in sorted(found)[:LISTED_MISTAKES]
    ]
