"""Votes: which are in force, and that tables keep them."""

from labelcycle.components.core.campaign.vote_tables import votes_in, votes_table
from labelcycle.components.core.campaign.votes import Vote, in_force


def vote(sample: str, annotator: str, label: str | None, status: str = "ok") -> Vote:
    return Vote(sample, annotator, label, status, "", "a file")  # type: ignore[arg-type]


def test_the_last_vote_of_each_person_counts() -> None:
    votes = [vote("a", "ann", "cat"), vote("a", "bob", "dog"), vote("a", "ann", "dog"), vote("b", "ann", "cat")]
    assert [found.label for found in in_force(votes).values()] == ["dog", "dog", "cat"]


def test_a_vote_taken_back_is_gone_until_it_is_cast_again() -> None:
    votes = [vote("a", "ann", "cat"), vote("a", "ann", None, "withdrawn")]
    assert in_force(votes) == {}
    assert in_force([*votes, vote("a", "ann", "dog")])["a", "ann"].label == "dog"


def test_tables_keep_votes_as_they_are() -> None:
    votes = [
        Vote("a", "ann", "cat", "ok", "2026-01-05T10:00:00Z", "http://tool/projects/1"),
        Vote("b", "", None, "skip", "", "a file"),
    ]
    assert votes_in(votes_table(votes)) == votes
