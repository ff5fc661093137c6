"""Where a campaign stands, by its commits."""

from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Campaign, create_campaign
from labelcycle.components.core.campaign.commits import Commit, write_commit
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import write_json


@pytest.fixture
def begun(store: Store, campaign: Campaign) -> Store:
    create_campaign(store, campaign)
    return store


def commit(store: Store, **changes: Any) -> State:
    """Commit one more cycle with this summary; the state after it."""
    cycle = len(read_state(store).commits)
    figures = {"accuracy": None, "macro_f1": None, "ece": None, "space": None}
    summary = {
        "cycle": cycle,
        "labels": 0,
        "answers": 0,
        **figures,
        "query_size": 20,
        "previous_query": None,
        **changes,
    }
    reference = write_json(store, f"cycles/{cycle}/a/summary.json", summary)
    assert write_commit(store, Commit(cycle=cycle, attempt="a", objects={"summary": reference}))
    return read_state(store)


def test_a_new_campaign(begun: Store) -> None:
    state = read_state(begun)
    assert (state.phase, state.commits, state.trained) == ("new", [], [])


def test_a_query_to_be_answered(begun: Store) -> None:
    state = commit(begun)
    assert state.phase == "labelling" and state.trained == []


def test_the_budget_is_spent(begun: Store) -> None:
    state = commit(begun, answers=100, labels=90, query_size=0, accuracy=0.9)
    assert (state.phase, state.why_done) == ("done", "the budget of 100 labels is spent")


def test_the_stop_rule_ended_it(begun: Store) -> None:
    commit(begun, answers=60, query_size=20, accuracy=0.8)
    state = commit(begun, answers=80, query_size=0, accuracy=0.8, stopped="a plateau")
    assert (state.phase, state.why_done) == ("done", "the stop rule ended it after 80 of 100 labels: a plateau")
    assert [summary.stopped for summary in state.summaries] == [None, "a plateau"]


def test_the_pool_is_exhausted(begun: Store) -> None:
    state = commit(begun, answers=70, query_size=0, accuracy=0.9)
    assert (state.phase, state.why_done) == ("done", "the pool is exhausted after 70 of 100 labels")


def test_trained_cycles_are_those_with_an_accuracy(begun: Store) -> None:
    commit(begun)
    state = commit(begun, accuracy=0.0)
    assert [summary.cycle for summary in state.trained] == [1]


def test_what_a_query_was_worth_is_told_by_the_cycle_after(begun: Store) -> None:
    commit(begun)
    commit(begun, accuracy=0.5, previous_query={"known": 0, "unknown": 0, "known_unknown_ratio": None})
    state = commit(begun, accuracy=0.6, previous_query={"known": 4, "unknown": 2, "known_unknown_ratio": 0.5})
    assert [summary.known_unknown_ratio for summary in state.summaries] == [None, 0.5, None]
    assert [summary.unknown for summary in state.summaries] == [0, 2, None]
