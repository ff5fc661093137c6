"""Rechecks: labels that are asked for once more because the model doubts them, and how second answers are told apart.

A second answer is a vote of its own. Its name says which cycle asked for it, as in `ana, cycle 3`, so that people may
check their own labels too, and neither of their answers takes the place of the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.votes import Vote

NOBODY = "somebody"
"""What those are called who answer for a second time and give no name."""

Rechecked = Mapping[str, int]
"""The cycle that asked again, by sample."""


def answer_name(annotator: str, cycle: int) -> str:
    """What a person is called in an answer to a further request of a cycle."""
    return f"{annotator or NOBODY}, cycle {cycle}"


def who_answered(annotator: str, cycle: int) -> str:
    """The person behind the name of a vote on the query of a cycle; empty where the source names nobody."""
    name = annotator.removesuffix(f", cycle {cycle}")
    return "" if annotator == answer_name("", cycle) else name


def rechecked_samples(requests: Iterable[LabelRequest]) -> dict[str, int]:
    """The samples whose label was asked for again, and by which cycle; no sample is twice."""
    return {request.sample_id: request.cycle for request in requests if request.recheck}


def is_second_answer(vote: Vote, rechecked: Rechecked) -> bool:
    """Whether a vote answers a recheck, rather than the first request for its sample."""
    cycle = rechecked.get(vote.sample_id)
    return cycle is not None and vote.annotator.endswith(f", cycle {cycle}")


def as_second_answers(votes: Iterable[Vote], rechecked: Rechecked, first: Mapping[tuple[str, str], Vote]) -> list[Vote]:
    """The votes of a source that does not say which request they answer: new people answer the recheck.

    Whoever gave the first label is taken to repeat or to correct that.

    Args:
        votes: from the source.
        rechecked: the samples that are asked for again.
        first: the votes of earlier cycles.
    """
    return [
        replace(vote, annotator=answer_name(vote.annotator, rechecked[vote.sample_id]))
        if vote.sample_id in rechecked
        and (vote.sample_id, vote.annotator) not in first
        and not is_second_answer(vote, rechecked)
        else vote
        for vote in votes
    ]
