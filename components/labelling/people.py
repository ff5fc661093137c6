"""People whose names are spelled in several ways: one person, as their names differ only in case, spaces or form."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

from labelcycle.components.core.campaign.votes import Vote


def person(name: str) -> str:
    """What the spellings of one person's name have in common."""
    if not name.isascii():
        name = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return " ".join(name.lower().split())


class Spellings:
    """The spelling of each person's name that came first."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Begin with names whose spelling is settled already."""
        self._first: dict[str, str] = {}
        self._known: dict[str, str] = {}
        for name in names:
            self.of(name)

    def of(self, name: str) -> str:
        """The spelling that stands for this one."""
        if name not in self._known:
            self._known[name] = self._first.setdefault(person(name), name)
        return self._known[name]


def as_spelled_before(votes: Iterable[Vote], kept: Mapping[tuple[str, str], Vote]) -> list[Vote]:
    """The votes, each under the name that the person has among the kept ones: on that sample, or else on any.

    Args:
        votes: that were read now.
        kept: those of earlier cycles by sample and annotator.

    Cost: O(votes + kept).
    """
    spellings = Spellings(annotator for _, annotator in kept)
    on_sample: dict[tuple[str, str], str] = {}
    for sample_id, annotator in kept:
        on_sample.setdefault((sample_id, person(annotator)), annotator)
    return [_named(vote, kept, on_sample, spellings) for vote in votes]


def _named(
    vote: Vote,
    kept: Mapping[tuple[str, str], Vote],
    on_sample: Mapping[tuple[str, str], str],
    spellings: Spellings,
) -> Vote:
    if not vote.annotator or (vote.sample_id, vote.annotator) in kept:
        return vote
    name = on_sample.get((vote.sample_id, person(vote.annotator))) or spellings.of(vote.annotator)
    return vote if name == vote.annotator else replace(vote, annotator=name)
