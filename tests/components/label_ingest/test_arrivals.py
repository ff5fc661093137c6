"""Arrivals: what is new in a label source."""

from labelcycle.components.core.campaign.votes import Vote, in_force
from labelcycle.components.label_ingest.arrivals import new_votes

TOOL = "http://tool/projects/1"


def vote(sample: str, person: str, label: str, source: str = TOOL) -> Vote:
    return Vote(sample, person, label, "ok", "2026-01-05", source)


KEPT = in_force([vote("a", "ann", "cat"), vote("b", "ann", "dog"), vote("b", "bob", "dog", "labels.csv")])


def test_nothing_new() -> None:
    assert new_votes(list(KEPT.values()), KEPT, TOOL) == []


def test_the_same_answer_at_another_time_or_from_elsewhere_is_not_new() -> None:
    again = Vote("a", "ann", "cat", "ok", "2026-02-01", "labels.csv")
    assert new_votes([again], KEPT) == []


def test_new_and_changed_votes_are_sorted() -> None:
    found = [vote("c", "bob", "cat"), vote("a", "zoe", "cat"), vote("a", "ann", "dog"), vote("b", "ann", "dog")]
    assert new_votes(found, KEPT) == [found[2], found[1], found[0]]


def test_what_is_gone_from_the_tool_was_taken_back() -> None:
    news = new_votes([vote("a", "ann", "cat")], KEPT, TOOL)
    assert [(found.sample_id, found.annotator, found.label, found.status) for found in news] == [
        ("b", "ann", None, "withdrawn")
    ]


def test_a_file_may_hold_a_part() -> None:
    assert new_votes([], KEPT) == []
