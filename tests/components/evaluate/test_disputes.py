"""Samples that people gave different classes."""

from labelcycle.components.core.campaign.label_quality import DisputedSamples
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.evaluate.annotators import MOST_LISTED, disputed_samples


def votes(sample: str, *labels: str | None) -> list[Vote]:
    return [
        Vote(sample, f"person-{number}", label, "ok" if label else "skip", "", "tool")
        for number, label in enumerate(labels)
    ]


def test_undecided_ones_come_first_then_those_with_least_agreement() -> None:
    given = [
        *votes("agreed", "crow", "crow", None),
        *votes("mostly", "crow", "crow", "crow", "gull"),
        *votes("barely", "crow", "gull", "crow"),
        *votes("tied", "gull", "crow"),
    ]
    found = disputed_samples(given, {"agreed": "crow", "mostly": "crow", "barely": "crow"})
    assert found.count == 3
    assert [row.as_json() for row in found.rows] == [
        {"sample_id": "tied", "votes": [("crow", 1), ("gull", 1)], "label": None, "agreement": 0.5},
        {"sample_id": "barely", "votes": [("crow", 2), ("gull", 1)], "label": "crow", "agreement": 2 / 3},
        {"sample_id": "mostly", "votes": [("crow", 3), ("gull", 1)], "label": "crow", "agreement": 0.75},
    ]


def test_the_list_is_bounded_and_all_are_counted() -> None:
    many = [vote for number in range(80) for vote in votes(f"sample-{number:02d}", "crow", "gull")]
    found = disputed_samples(many, {})
    assert (found.count, len(found.rows)) == (80, MOST_LISTED)


def test_without_disputes_the_list_is_empty() -> None:
    assert disputed_samples(votes("one", "crow", "crow"), {"one": "crow"}) == DisputedSamples(count=0, rows=[])
