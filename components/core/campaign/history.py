"""What all cycles before one were: their commits, what they asked and what people answered, in few objects.

A history is a list of segments, each of which covers a run of cycles. Its lengths are the powers of two that the number
of cycles is the sum of, longest first: 13 cycles lie in segments of 8, 4 and 1. So a thousand cycles are read with ten
segments, and a cycle is written again no more than log2 of their number times. The objects are named by their digests
and never changed; segments that two histories share are the same objects. The decision of a cycle names the history of
all cycles before it, and so does its commit.
"""

from functools import partial

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.summary import SummaryRecord
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import ObjectReference, Record, read_record

FOLDER = "history"


class Segment(Record):
    """A run of committed cycles, `first` to `last`.

    `cycles` is a `CyclesOfSegment`, `requests` a table of `REQUESTS` in the order of the cycles and of rank, `votes` a
    table of `LABELS` in the order of arrival; where a person has voted on a sample more than once within the segment,
    the last vote stands where the first one stood.
    """

    first: int
    last: int
    cycles: ObjectReference
    requests: ObjectReference
    votes: ObjectReference

    @property
    def references(self) -> tuple[ObjectReference, ...]:
        """Its objects."""
        return self.cycles, self.requests, self.votes


class History(Record):
    """Segments that follow on each other from cycle 0, each at most half as long as the one before."""

    segments: list[Segment] = []

    @property
    def cycles(self) -> int:
        """How many cycles it covers."""
        return self.segments[-1].last + 1 if self.segments else 0


class PastCycle(Record):
    """The commit of a cycle, and the figures that the commit keeps."""

    commit: Commit
    summary: SummaryRecord


class CyclesOfSegment(Record):
    """The cycles of a segment, in order."""

    cycles: list[PastCycle]


def history_of(store: Store, commit: Commit) -> History:
    """What a commit keeps of the cycles before it; empty where a version before histories wrote it, or none is before.

    Raises:
        CampaignError: it is gone or damaged.
    """
    return read_history(store, commit.objects.get("history"))


def read_history(store: Store, reference: ObjectReference | None) -> History:
    """The history that a decision or commit refers to; empty where that is None.

    Raises:
        CampaignError: it is gone or damaged.
    """
    return History() if reference is None else read_record(store, reference, History)


def read_past_cycles(store: Store, history: History) -> list[PastCycle]:
    """Every cycle that the history covers, from 0.

    Cost: one read a segment, several at once.
    """
    read = partial(_read_cycles, store)
    return [cycle for cycles in concurrently(read, history.segments) for cycle in cycles]


def _read_cycles(store: Store, segment: Segment) -> list[PastCycle]:
    cycles = read_record(store, segment.cycles, CyclesOfSegment).cycles
    if [cycle.commit.cycle for cycle in cycles] != list(range(segment.first, segment.last + 1)):
        raise CampaignError(
            f"{store.locate(segment.cycles.key)} does not hold cycles {segment.first} to {segment.last}. Restore it "
            "from a backup."
        )
    return cycles
