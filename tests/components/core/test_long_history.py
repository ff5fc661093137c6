"""A long history is read with few requests, several of them at once, also where an earlier version wrote it."""

from collections.abc import Iterator
from itertools import accumulate, count
from typing import Any

import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.campaign import Campaign, create_campaign, validated_campaign
from labelcycle.components.core.campaign.commits import Commit, read_commit, read_commits, write_commit
from labelcycle.components.core.campaign.history import History
from labelcycle.components.core.campaign.history_tables import extend_history, read_requests, read_votes
from labelcycle.components.core.campaign.label_requests import LabelRequest
from labelcycle.components.core.campaign.queries import read_query, requests_in
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.campaign.vote_tables import votes_in, votes_table
from labelcycle.components.core.campaign.votes import Vote, in_force
from labelcycle.components.core.runtime.seconds_by_cycle import sum_up_cycles
from labelcycle.components.core.runtime.timings import Timing, read_timings, write_timing
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import MOST_TOO_MANY
from labelcycle.components.core.storage.objects import ObjectReference, write_json
from labelcycle.components.core.storage.tables import QUERY, TRUTH, write_table
from labelcycle.components.tracking.promoting import judge_new_cycles
from labelcycle.components.tracking.promotion_history import read_history
from labelcycle.pipelines.dashboard.view import costs_so_far
from labelcycle.pipelines.dashboard.watching import mark_of
from tests.cycle_records import METRICS
from tests.harness.recording_store import RecordingStore

CYCLES = 40
CLASSES = [{"name": name, "recall": 0.9, "precision": 0.9, "f1": 0.9, "support": 50} for name in ("cat", "dog")]


def write_cycle(store: Store, cycle: int, history: ObjectReference | None = None) -> None:
    """Commit a cycle with a query of two, the answers to the one before, figures and a timing."""
    figures = {"accuracy": cycle / CYCLES or None, "macro_f1": None, "ece": None, "space": None}
    judged = {"known": cycle, "unknown": 1, "known_unknown_ratio": 1.0} if cycle else None
    counts = {"cycle": cycle, "labels": 2 * cycle, "answers": 2 * cycle, "query_size": 2}
    asked = [{"sample_id": f"{cycle}-{row}", "rank": row, "reason": "so", "opinion": 1} for row in (1, 2)]
    place = f"cycles/{cycle}/a"
    objects = {
        "summary": write_json(store, f"{place}/summary.json", {**counts, **figures, "previous_query": judged}),
        "query": write_table(store, f"{place}/query.parquet", pa.Table.from_pylist(asked, schema=QUERY)),
    }
    if history is not None:
        objects["history"] = history
    if cycle:
        votes = [Vote(f"{cycle - 1}-{row}", "ann", "cat", "ok", "", "file") for row in (1, 2)]
        objects["labels"] = write_table(store, f"labels/{cycle}.parquet", votes_table(votes))
        objects["head"] = write_json(store, f"{place}/head.safetensors", cycle)
        objects["metrics"] = write_json(
            store, f"{place}/metrics.json", METRICS | {"accuracy": cycle / CYCLES, "classes": CLASSES}
        )
    seconds = {"wall_seconds": 1.0, "cpu_seconds": float(cycle), "gpu_seconds": 0.0}
    write_timing(store, cycle, "a", Timing(stage="score", started=0, **seconds, rows=1, peak_memory_bytes=1))
    assert write_commit(store, Commit(cycle=cycle, attempt="a", objects=objects))


@pytest.fixture
def written(store: Store, campaign_settings: dict[str, Any]) -> Iterator[RecordingStore]:
    """A campaign of many cycles, on a store that counts."""
    truth = write_table(store, "truth.parquet", TRUTH.empty_table()).model_dump()
    priced: Campaign = validated_campaign(**{**campaign_settings, "truth": truth, "prices": {"cpu_hour": 1}})
    create_campaign(store, priced)
    for cycle in range(CYCLES):
        write_cycle(store, cycle)
    yield RecordingStore(store)


def test_the_state_is_what_it_is_one_by_one(written: RecordingStore) -> None:
    state = read_state(written)
    one_by_one = [commit for cycle in range(CYCLES) if (commit := read_commit(written.store, cycle)) is not None]
    assert state.commits == one_by_one and read_commit(written.store, CYCLES) is None
    assert [summary.cycle for summary in state.summaries] == list(range(CYCLES))
    assert [summary.known for summary in state.summaries] == [*range(1, CYCLES), None]


def test_the_state_takes_two_reads_a_cycle_several_at_once(written: RecordingStore) -> None:
    read_state(written)
    assert 1 + 2 * CYCLES < written.requests["read"] <= 3 + 2 * CYCLES + MOST_TOO_MANY
    assert written.keys_read.pop(f"cycles/{CYCLES - 1}/commit.json") == 2
    assert set(written.keys_read.values()) == {1} and written.requests.keys() == {"read", "folders", "keys"}
    assert written.together > 2


def test_the_next_cycle_names_a_history_that_is_read_with_few_requests(written: RecordingStore) -> None:
    before = read_state(written.store)
    history = extend_history(written.store, before)
    assert history is not None
    write_cycle(written.store, CYCLES, history)
    state = read_state(written)
    assert state.commits == read_commits(written.store) and len(state.commits) == CYCLES + 1
    assert state.summaries[:-2] == before.summaries[:-1] and state.summaries[-2].known == CYCLES
    segments = CYCLES.bit_count()
    assert written.requests == {"folders": 1, "keys": 1, "read": 4 + segments}
    assert state.history.cycles == CYCLES and [later.commit.cycle for later in state.later] == [CYCLES]
    asked, votes = read_requests(written.store, state.history), read_votes(written.store, state.history)
    assert asked["sample_id"].to_pylist() == [f"{cycle}-{row}" for cycle in range(CYCLES) for row in (1, 2)]
    assert votes["sample_id"].to_pylist() == [f"{cycle}-{row}" for cycle in range(CYCLES - 1) for row in (1, 2)]


def test_a_commit_that_was_removed_ends_the_history(written: RecordingStore) -> None:
    class Holed(RecordingStore):
        def read(self, key: str) -> bytes:
            if key == "cycles/23/commit.json":
                raise FileNotFoundError(key)
            return super().read(key)

    assert [commit.cycle for commit in read_commits(Holed(written.store))] == list(range(23))


def test_queries_and_votes_are_read_once_and_in_order(written: RecordingStore) -> None:
    commits = read_commits(written.store)
    references = [commit.objects["query"] for commit in commits]
    found = requests_in(read_requests(written, History(), commits))
    assert written.requests == {"read": CYCLES} and written.together > 2
    one_by_one = [read_query(written.store, reference)["sample_id"].to_pylist() for reference in references]
    assert found == [LabelRequest(cycle, name, 1) for cycle, names in enumerate(one_by_one) for name in names]
    votes = in_force(votes_in(read_votes(written, History(), commits)))
    assert written.requests == {"read": 2 * CYCLES - 1}
    assert list(votes) == [(f"{cycle}-{row}", "ann") for cycle in range(CYCLES - 1) for row in (1, 2)]


def test_costs_are_those_of_the_timings_one_by_one(written: RecordingStore) -> None:
    state = read_state(written.store)
    costs = costs_so_far(written, state)
    assert written.requests == {"keys": CYCLES, "read": CYCLES + 1} and written.together > 2
    seconds = [sum(timing.cpu_seconds for timing in read_timings(written.store, cycle)) for cycle in range(CYCLES)]
    assert [3600 * cost.compute_cost for cost in costs] == pytest.approx([*accumulate(seconds)])
    assert seconds == list(range(CYCLES))


def test_costs_of_cycles_that_are_summed_up_take_one_read(written: RecordingStore) -> None:
    state = read_state(written.store)
    one_by_one = costs_so_far(written.store, state)
    sum_up_cycles(written.store, CYCLES - 1)
    assert costs_so_far(written, state) == one_by_one
    assert written.requests == {"keys": 1, "read": 2}


def test_judging_a_long_history_takes_two_reads_a_model(written: RecordingStore) -> None:
    state = read_state(written.store)
    history = judge_new_cycles(written, state)
    assert written.requests["read"] <= 2 * CYCLES and written.requests["write"] == CYCLES - 1
    again = RecordingStore(written.store)
    assert judge_new_cycles(again, state) == history == read_history(written.store)
    assert again.requests == {"keys": 1, "read": CYCLES - 1} and again.together > 2
    for promotion, number in zip(history.promotions, count()):
        assert promotion.number == number and promotion.challenger.cycle == number + 1


def test_a_first_look_at_what_changed_takes_one_question_a_cycle(written: RecordingStore) -> None:
    first = mark_of(written)
    assert first.commits == CYCLES and written.requests["exists"] <= CYCLES + 1 + MOST_TOO_MANY
    asked = written.requests["exists"]
    assert mark_of(written, first) == first and written.requests["exists"] == asked + 1
