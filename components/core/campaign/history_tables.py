"""What the cycles of a history asked, and what people answered, as tables; and histories written and made longer."""

from collections.abc import Sequence
from functools import partial

import pyarrow as pa

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.history import (
    FOLDER,
    CyclesOfSegment,
    History,
    PastCycle,
    Segment,
    read_past_cycles,
)
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import ObjectReference, write_object
from labelcycle.components.core.storage.tables import LABELS, QUERY, REQUESTS, read_table, table_bytes, without_unused


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
    columns = [pa.repeat(pa.scalar(commit.cycle, pa.int32()), query.num_rows)]
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
    objects = {name: (table_bytes(without_unused(table)), "parquet") for name, table in tables.items()}
    objects["cycles"] = (canonical_json(content), "json")
    references = {
        name: write_object(store, f"{FOLDER}/{first}-{last}-{name}-{digest_of_bytes(data)[:16]}.{suffix}", data)
        for name, (data, suffix) in objects.items()
    }
    return Segment(first=first, last=last, **references)


def extend_history(store: Store, state: State) -> ObjectReference | None:
    """Write the history of all committed cycles, for the next one to name; None before the first."""
    return write_history(store, state.history, state.later) if state.commits else None


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
