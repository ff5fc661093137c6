"""The protocol holds in every state of the model, and the checker notices where it is broken."""

import pytest

from tests.harness.protocol.explore import explore
from tests.harness.protocol.invariants import IN_EVERY_STATE, IN_EVERY_STEP, at_its_end
from tests.harness.protocol.world import Bounds, Rules

OTHER_RESULTS = Bounds(runners=2, budget=1, batch=1, results=2)
"""Two runners whose trainings and measurements come to different numbers."""

OTHER_LABELS = Bounds(runners=2, budget=2, batch=2, enough=1)
"""Answers that arrive between two ingests, so that two runners have different attempts at one cycle."""

AMENDED = Bounds(runners=2, budget=1, batch=1, amendments=1)
"""People who rename a class and allow one sample more, at any moment."""

WITHDRAWN = Bounds(runners=1, budget=1, batch=1, withdrawals=1)
"""People who take a sample out, at any moment: one that was answered, that is awaited, or that nobody was asked for."""

RECHECKED = Bounds(runners=1, budget=3, batch=2, enough=1, rechecks=1)
"""Labels that are asked for again, while other answers are awaited."""

BROKEN = [
    ("commit_if_absent", OTHER_LABELS, "commits_never_change"),
    ("record_if_absent", OTHER_RESULTS, "the_first_result_of_a_stage_stays"),
    ("record_if_absent", OTHER_RESULTS, "metrics_are_of_the_committed_head"),
    ("objects_before_record", OTHER_RESULTS, "records_name_what_is_there"),
    ("objects_before_commit", OTHER_RESULTS, "commits_name_what_is_there"),
    ("commit_before_hand_out", OTHER_RESULTS, "nothing_is_handed_out_before_its_commit"),
    ("csv_if_absent", OTHER_RESULTS, "what_people_have_never_changes"),
    ("outstanding_counts", OTHER_LABELS, "the_budget_is_kept"),
    ("ingest_mends", Bounds(runners=1, budget=1), "at_its_end"),
    ("amendments_after_commits", AMENDED, "no_amendment_is_forgotten"),
    ("decisions_name_amendments", AMENDED, "the_budget_is_kept"),
    ("rechecks_of_labels", RECHECKED, "rechecks_are_of_labels"),
    ("rechecks_once", RECHECKED._replace(batch=1), "nothing_is_asked_twice"),
    ("queries_leave_out_withdrawn", WITHDRAWN, "nothing_withdrawn_is_used"),
    ("labels_leave_out_withdrawn", WITHDRAWN, "nothing_withdrawn_is_used"),
    ("withdrawn_is_not_awaited", WITHDRAWN, "at_its_end"),
    ("classes_of_the_decision", AMENDED, "classes_are_of_the_decision"),
    ("former_names_count", AMENDED._replace(runners=1), "votes_are_counted_once"),
]


@pytest.mark.parametrize(
    ("bounds", "states"),
    [
        (Bounds(runners=1, budget=2, batch=1, results=2), 100),
        (Bounds(runners=1, budget=2, batch=2, enough=1), 1_000),
        (OTHER_RESULTS, 8_000),
        (OTHER_LABELS, 39_000),
        (Bounds(runners=3, budget=1, batch=1), 10_000),
        (AMENDED._replace(runners=1), 7_000),
        (RECHECKED, 1_000),
        (WITHDRAWN, 10_000),
    ],
)
def test_holds_in_every_state(bounds: Bounds, states: int):
    found = explore(bounds)
    assert found.violations == []
    assert found.complete
    assert found.states > states
    assert found.ends > 0


@pytest.mark.parametrize(("rule", "bounds", "invariant"), BROKEN, ids=[f"{rule}-{what}" for rule, _, what in BROKEN])
def test_a_broken_rule_is_seen(rule: str, bounds: Bounds, invariant: str):
    found = explore(bounds, Rules()._replace(**{rule: False}), most=60_000, until=invariant)
    way = {violation.what: violation.way for violation in found.violations}
    assert way[invariant], "the way there is not told"


def test_every_rule_is_broken_by_a_test():
    assert {rule for rule, _, _ in BROKEN} == {*Rules._fields}


def test_every_invariant_is_written_out():
    assert all(invariant.__doc__ for invariant in (*IN_EVERY_STATE, *IN_EVERY_STEP, at_its_end))
