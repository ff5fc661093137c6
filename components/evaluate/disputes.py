"""Samples that people gave different classes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from labelcycle.components.core.votes import Vote

MOST_LISTED = 50


def disputed_samples(votes: Iterable[Vote], labels: Mapping[str, str]) -> dict[str, Any]:
    """Samples with votes for more than one class: those without a label first, then by how little people agree.

    Args:
        votes: those in force.
        labels: the label that came out, by id.

    Returns:
        `count` of all, and `rows` of at most 50: `sample_id`, `votes` (pairs of class and count, most votes first),
        `label` (None while undecided) and `agreement`, the share of the votes that the leading class has.
    """
    given: dict[str, Counter[str]] = defaultdict(Counter)
    for vote in votes:
        if vote.label is not None:
            given[vote.sample_id][vote.label] += 1
    rows = [_row(sample_id, counts, labels) for sample_id, counts in given.items() if len(counts) > 1]
    rows.sort(key=lambda row: (row["label"] is not None, row["agreement"], row["sample_id"]))
    return {"count": len(rows), "rows": rows[:MOST_LISTED]}


def _row(sample_id: str, counts: Counter[str], labels: Mapping[str, str]) -> dict[str, Any]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        "sample_id": sample_id,
        "votes": [[name, count] for name, count in ordered],
        "label": labels.get(sample_id),
        "agreement": ordered[0][1] / counts.total(),
    }
