"""The history of the cycles before one: few segments, the same however they were made, and nothing lost."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.history import History, PastCycle, read_history, read_past_cycles
from labelcycle.components.core.campaign.history_tables import (
    last_votes,
    read_requests,
    read_votes,
    spans,
    write_history,
)
from labelcycle.components.core.campaign.summary import SummaryRecord
from labelcycle.components.core.campaign.vote_tables import votes_in, votes_table
from labelcycle.components.core.campaign.votes import Vote, in_force
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import LABELS, QUERY, write_table


def past_cycle(store: Store, cycle: int) -> PastCycle:
    """A committed cycle with a query of two, and votes on the samples of the cycle before, of whom one is revised."""
    asked = [{"sample_id": f"{cycle}-{row}", "rank": row, "reason": "so", "predicted": "cat"} for row in (1, 2)]
    votes = [Vote(f"{cycle - 1}-{row}", "ann", "cat", "ok", "", "file") for row in (1, 2)]
    if cycle > 1:
        votes.append(Vote(f"{cycle - 2}-1", "ann", "dog", "ok", "", "file"))
    place = f"cycles/{cycle}/a"
    objects = {"query": write_table(store, f"{place}/query.parquet", pa.Table.from_pylist(asked, schema=QUERY))}
    if cycle:
        objects["labels"] = write_table(store, f"labels/{cycle}.parquet", votes_table(votes))
    figures: dict[str, Any] = {"accuracy": None, "macro_f1": None, "ece": None, "space": None, "previous_query": None}
    summary = SummaryRecord(cycle=cycle, labels=2 * cycle, answers=2 * cycle, query_size=2, **figures)
    return PastCycle(commit=Commit(cycle=cycle, attempt="a", objects=objects), summary=summary)


@given(st.integers(0, 10**6))
def test_segments_follow_on_each_other_and_get_shorter(cycles: int) -> None:
    found = spans(cycles)
    lengths = [last - first + 1 for first, last in found]
    assert [first for first, _ in found] == [sum(lengths[:number]) for number in range(len(lengths))]
    assert sum(lengths) == cycles and len(lengths) <= cycles.bit_length()
    assert all(longer >= 2 * shorter for longer, shorter in zip(lengths, lengths[1:], strict=False))


def test_a_history_is_the_same_whether_it_grew_or_was_written_at_once(store: Store) -> None:
    cycles = [past_cycle(store, cycle) for cycle in range(21)]
    history = History()
    for number, cycle in enumerate(cycles, start=1):
        reference = write_history(store, history, [cycle])
        at_once = write_history(store, History(), cycles[:number])
        assert reference == at_once
        history = read_history(store, reference)
        assert history.cycles == number and len(history.segments) == number.bit_count()
        assert read_past_cycles(store, history) == cycles[:number]


def test_what_was_asked_and_answered_comes_in_order_with_later_answers_last(store: Store) -> None:
    cycles = [past_cycle(store, cycle) for cycle in range(7)]
    history = read_history(store, write_history(store, History(), cycles[:6]))
    requests = read_requests(store, history, [cycles[6].commit])
    assert requests["sample_id"].to_pylist() == [f"{cycle}-{row}" for cycle in range(7) for row in (1, 2)]
    assert requests["cycle"].to_pylist() == [cycle for cycle in range(7) for _ in (1, 2)]
    votes = read_votes(store, history, [cycles[6].commit])
    one_by_one = read_votes(store, History(), [cycle.commit for cycle in cycles])
    assert in_force(votes_in(votes)) == in_force(votes_in(one_by_one)) and votes.num_rows < one_by_one.num_rows
    assert list(in_force(votes_in(votes))) == list(in_force(votes_in(one_by_one)))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "ann"]), st.sampled_from(["ok", "withdrawn"]))))
def test_dropping_superseded_votes_changes_nothing_that_is_in_force(cast: list[tuple[str, str, str]]) -> None:
    votes = [
        Vote(name, person, "cat" if status == "ok" else None, status, str(number), "file")  # type: ignore[arg-type]
        for number, (name, person, status) in enumerate(cast)
    ]
    for half in range(len(votes) + 1):
        parts = [last_votes(votes_table(part)) for part in (votes[:half], votes[half:])]
        together = pa.concat_tables([LABELS.empty_table(), *parts])
        assert in_force(votes_in(together)) == in_force(votes)
        assert list(in_force(votes_in(together))) == list(in_force(votes))


def test_segments_that_remain_are_not_written_again(store: Store) -> None:
    cycles = [past_cycle(store, cycle) for cycle in range(7)]
    history = read_history(store, write_history(store, History(), cycles[:6]))
    longer = read_history(store, write_history(store, history, cycles[6:]))
    assert longer.segments[:2] == history.segments and longer.segments[2].first == longer.segments[2].last == 6


def test_a_damaged_segment_is_named(store: Store) -> None:
    cycles = [past_cycle(store, cycle) for cycle in range(4)]
    [segment] = read_history(store, write_history(store, History(), cycles)).segments
    other = segment.model_copy(update={"first": 4, "last": 7})
    with pytest.raises(CampaignError, match="0-3-cycles-.*json does not hold cycles 4 to 7. Restore it from a backup"):
        read_past_cycles(store, History(segments=[other]))
    store.write(segment.requests.key, b"else")
    with pytest.raises(CampaignError, match=r"history/0-3-requests-\w+.parquet was changed after it was written"):
        read_requests(store, History(segments=[segment]))
