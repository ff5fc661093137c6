"""Votes: what each person answered about a sample, as cast."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

Status = Literal["ok", "skip", "unsure", "withdrawn"]
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's answer about one sample.

    Attributes:
        sample_id: the sample.
        annotator: who answered; empty where the source names nobody.
        label: the class; None unless the status is ok.
        status: `withdrawn` where the person or the tool has taken an answer back.
        time: ISO 8601 as the source has it, or empty. Clocks differ: only votes of one source are ordered by it.
        source: the file, or the labelling tool's project, that it came from.
    """

    sample_id: str
    annotator: str
    label: str | None
    status: Status
    time: str
    source: str


def in_force(votes: list[Vote]) -> dict[tuple[str, str], Vote]:
    """The last vote of each person on each sample, by sample and annotator; those withdrawn are not among them.

    Args:
        votes: in the order in which they arrived.

    Cost: O(votes).
    """
    last = {(vote.sample_id, vote.annotator): vote for vote in votes}
    return {key: vote for key, vote in last.items() if vote.status != "withdrawn"}


def under_present_names(votes: Iterable[Vote], former_classes: Mapping[str, str]) -> list[Vote]:
    """The same votes, with those for a class that was renamed or merged as votes for what it is now.

    Args:
        votes: as they were cast.
        former_classes: of the campaign.
    """
    if not former_classes:
        return list(votes)
    now = ((vote, former_classes.get(vote.label or "")) for vote in votes)
    return [vote if name is None else replace(vote, label=name) for vote, name in now]
