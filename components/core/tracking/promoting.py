"""Judging models and keeping the result: every cycle's when it is committed, and one when a person asks for it."""

from dataclasses import dataclass

from labelcycle.components.core.commits import Commit
from labelcycle.components.core.state import State
from labelcycle.components.core.storage import Store
from labelcycle.components.core.tracking.promotion import Gate, judge, model_of
from labelcycle.components.core.tracking.promotion_history import (
    AUTOMATIC,
    History,
    Outcome,
    Promotion,
    append_promotion,
    now,
    read_history,
    user,
)


@dataclass(frozen=True)
class Promoted:
    """What came of a request: the record of it, or, for a model that is champion already, the last one about it."""

    promotion: Promotion
    already: bool


def judge_new_cycles(store: Store, state: State) -> History:
    """Judge every committed model that no record is about yet, in order of the cycles. Returns the whole history.

    Any process may do this at any time: a model is judged once.

    Raises:
        CampaignError: a record is damaged.
    """
    history = read_history(store)
    while (commit := _not_judged(state, history)) is not None:
        _append(store, state, history, commit, Gate(), AUTOMATIC, "")
        history = read_history(store)
    return history


def promote(store: Store, state: State, commit: Commit, gate: Gate, force: str = "") -> Promoted:
    """Judge a cycle's model at a person's request, and make it champion where the gate lets it pass.

    Args:
        store: the campaign's.
        state: the campaign's.
        commit: the cycle's.
        gate: what is allowed.
        force: the person's reason to promote it whatever the gate says; empty to obey the gate.

    Raises:
        CampaignError: a record is damaged.
    """
    history = judge_new_cycles(store, state)
    while True:
        last = history.last_about(commit.digest)
        if last is not None and history.champion is not None and history.champion.commit == commit.digest:
            return Promoted(last, already=True)
        promotion = _append(store, state, history, commit, gate, user(), force)
        if promotion is not None:
            return Promoted(promotion, already=False)
        history = read_history(store)


def trained_commits(state: State) -> list[Commit]:
    """The commits that have a model."""
    return [commit for commit in state.commits if "head" in commit.objects]


def _not_judged(state: State, history: History) -> Commit | None:
    judged = {promotion.challenger.commit for promotion in history.promotions}
    return next((commit for commit in trained_commits(state) if commit.digest not in judged), None)


def _append(
    store: Store, state: State, history: History, commit: Commit, gate: Gate, by: str, force: str
) -> Promotion | None:
    """Judge against the champion of this history and write the record; None where another record came first."""
    challenger, champion = model_of(store, state.campaign, commit), history.champion
    verdict = judge(challenger, champion, gate)
    outcome: Outcome = "forced" if force else "promoted" if verdict.passed else "refused"
    promotion = Promotion(
        number=len(history.promotions),
        previous=history.digest,
        time=now(),
        by=by,
        outcome=outcome,
        reason=f"{force} ({verdict.reason})" if force else verdict.reason,
        challenger=challenger,
        champion=champion if outcome == "refused" else challenger,
        gate=gate,
        verdict=verdict,
    )
    return promotion if append_promotion(store, promotion) else None
