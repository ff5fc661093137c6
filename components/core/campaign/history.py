"""What all cycles before one were: their commits, what they asked and what people answered, in few objects.

A history is a list of segments, each of which covers a run of cycles. Its lengths are the powers of two that the number
of cycles is the sum of, longest first: 13 cycles lie in segments of 8, 4 and 1. So a thousand cycles are read with ten
segments, and a cycle is written again no more than log2 of their number times. The objects are named by their digests
and never changed; segments that two histories share are the same objects. The decision of a cycle names the history of
all cycles before it, and so does its commit.
"""

from collections.abc import Sequence
from functools import partial

import pyarrow as pa

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.summary import SummaryRecord
from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import ObjectReference, Record, read_record, write_object
from labelcycle.components.core.storage.tables import LABELS, QUERY, REQUESTS, read_table, table_bytes

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


def read_requests(store: Store, history: History, later: Sequence[Commit] = ()) -> pa.Table:
    """Everything that was asked in the cycles of a history, and in those committed later: rows of `REQUESTS`.

    Cost: one read a segment, and one for each later cycle, several at once.
    """
    reads = [partial(_read_requests, store, segment) for segment in history.segments]
    reads += [partial(requests_in_query, store, commit) for commit in later]
    return _together(concurrently(lambda read: read(), reads), REQUESTS)


def read_votes(store: Store, history: History, later: Sequence[Commit] = ()) -> pa.Table:
    """The votes of the cycles of a history, and of those committed later: rows of `LABELS` in the order of arrival.

    Cost: as `read_requests`.
    """
    reads = [partial(_read_votes, store, segment) for segment in history.segments]
    reads += [partial(votes_in_commit, store, commit) for commit in later]
    return _together(concurrently(lambda read: read(), reads), LABELS)


def write_history(store: Store, before: History, later: Sequence[PastCycle]) -> ObjectReference:
    """Write the history of the cycles of `before` and of those after it.

    Segments of `before` that remain are not touched. Writing is the same however often it is done, by anybody.

    Args:
        store: the campaign's.
        before: what is there; empty for none.
        later: the cycles that follow on it, in order.

    Cost: on average over the cycles, log2 of their number reads and writes of a cycle's rows; at worst, where the
    number of cycles is a power of two, all of them.
    """
    there = {(segment.first, segment.last): segment for segment in before.segments}
    segments = []
    for span in spans(before.cycles + len(later)):
        segments.append(there.get(span) or _written(store, span, before, later))
    data = canonical_json(History(segments=segments).as_json())
    cycles = segments[-1].last + 1 if segments else 0
    return write_object(store, f"{FOLDER}/{cycles}-{digest_of_bytes(data)[:16]}.json", data)


def spans(cycles: int) -> list[tuple[int, int]]:
    """First and last cycle of each segment of a history of so many cycles."""
    found, first = [], 0
    for bit in reversed(range(cycles.bit_length())):
        if cycles >> bit & 1:
            found.append((first, first + 2**bit - 1))
            first += 2**bit
    return found


def last_votes(votes: pa.Table) -> pa.Table:
    """The last vote of each person on each sample, where the first one stood; withdrawals are kept.

    Args:
        votes: rows of `LABELS` in the order of arrival.

    Cost: O(votes).
    """
    people = zip(votes["sample_id"].to_pylist(), votes["annotator"].to_pylist(), strict=True)
    last: dict[tuple[str, str | None], int] = {}
    for row, key in enumerate(people):
        last[key] = row
    return votes.take(pa.array(last.values(), pa.int64()))


def requests_in_query(store: Store, commit: Commit) -> pa.Table:
    """What a cycle asked: rows of `REQUESTS`, best pick first.

    Raises:
        CampaignError: the commit names no query, or that is gone or damaged.
    """
    query = read_table(store, _query_of(store, commit), QUERY)
    columns = [pa.array([commit.cycle] * query.num_rows, pa.int32())]
    columns += [query[name] for name in REQUESTS.names[1:]]
    return pa.table(columns, schema=REQUESTS)


def votes_in_commit(store: Store, commit: Commit) -> pa.Table:
    """The votes that a cycle was made of beyond those of the cycles before: rows of `LABELS`."""
    reference = commit.objects.get("labels")
    return LABELS.empty_table() if reference is None else read_table(store, reference, LABELS)


def _written(store: Store, span: tuple[int, int], before: History, later: Sequence[PastCycle]) -> Segment:
    """A segment made of those within its span, and of the cycles after them."""
    first, last = span
    within = [segment for segment in before.segments if first <= segment.first and segment.last <= last]
    added = [cycle for cycle in later if first <= cycle.commit.cycle <= last]
    cycles = [*read_past_cycles(store, History(segments=within)), *added]
    commits = [cycle.commit for cycle in added]
    of_segment = History(segments=within)
    content = CyclesOfSegment(cycles=cycles).as_json()
    tables = {
        "requests": read_requests(store, of_segment, commits),
        "votes": last_votes(read_votes(store, of_segment, commits)),
    }
    objects = {name: (table_bytes(table), "parquet") for name, table in tables.items()}
    objects["cycles"] = (canonical_json(content), "json")
    references = {
        name: write_object(store, f"{FOLDER}/{first}-{last}-{name}-{digest_of_bytes(data)[:16]}.{suffix}", data)
        for name, (data, suffix) in objects.items()
    }
    return Segment(first=first, last=last, **references)


def _read_cycles(store: Store, segment: Segment) -> list[PastCycle]:
    cycles = read_record(store, segment.cycles, CyclesOfSegment).cycles
    if [cycle.commit.cycle for cycle in cycles] != list(range(segment.first, segment.last + 1)):
        raise CampaignError(
            f"{store.locate(segment.cycles.key)} does not hold cycles {segment.first} to {segment.last}. Restore it "
            "from a backup."
        )
    return cycles


def _read_requests(store: Store, segment: Segment) -> pa.Table:
    return read_table(store, segment.requests, REQUESTS)


def _read_votes(store: Store, segment: Segment) -> pa.Table:
    return read_table(store, segment.votes, LABELS)


def _query_of(store: Store, commit: Commit) -> ObjectReference:
    if "query" not in commit.objects:
        raise CampaignError(f"The commit of cycle {commit.cycle} of {store.root} names no query. Restore it.")
    return commit.objects["query"]


def _together(tables: list[pa.Table], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *tables])
