"""Judging models and keeping the result: every cycle's when it is committed, and one when a person asks for it."""

from dataclasses import dataclass

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.remeasured import read_remeasured
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.runtime.authorship import now, user
from labelcycle.components.core.storage import Store
from labelcycle.components.tracking.promotion import Gate, PromotionVerdict, judge, model_of
from labelcycle.components.tracking.promotion_history import (
    AUTOMATIC,
    FOLDER,
    Outcome,
    Promotion,
    PromotionHistory,
    append_promotion,
    read_history,
)


@dataclass(frozen=True)
class Promoted:
    """What came of a request.

    Attributes:
        promotion: the record of it, or, for a model that is champion already, the last one about it.
        verdict: what the gate found; None for a model that is champion already.
    """

    promotion: Promotion
    verdict: PromotionVerdict | None

    @property
    def already(self) -> bool:
        """Whether the model was champion before."""
        return self.verdict is None


def judge_new_cycles(store: Store, state: State) -> PromotionHistory:
    """Judge every committed model that no record is about yet, in order of the cycles. Returns the whole history.

    Any process may do this at any time: a model is judged once.

    Raises:
        CampaignError: a record is damaged.
    """
    history = read_history(store)
    for commit in trained_commits(state):
        while history.last_about(commit.digest) is None:
            done = _append(store, state, history, commit, Gate(), AUTOMATIC, "")
            history = read_history(store) if done is None else history.followed_by(done.promotion)
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
            return Promoted(last, None)
        done = _append(store, state, history, commit, gate, user(), force)
        if done is not None:
            return done
        history = read_history(store)


def trained_commits(state: State) -> list[Commit]:
    """The commits that have a model."""
    return [commit for commit in state.commits if "head" in commit.objects]


def _append(
    store: Store, state: State, history: PromotionHistory, commit: Commit, gate: Gate, by: str, force: str
) -> Promoted | None:
    """Judge against the champion of this history and write the record; None where another record came first."""
    champion = _champion(store, state, history)
    later = commit if champion is None or champion.cycle < commit.cycle else champion
    campaign = state.campaign_of(later)
    again = None if campaign.test_from_budget else read_remeasured(store, later.objects)
    challenger = model_of(store, campaign, commit, remeasured=again)
    holder = None if champion is None else model_of(store, campaign, champion, tested_as=commit, remeasured=again)
    verdict = judge(challenger, holder, gate)
    outcome: Outcome = "promoted" if verdict.passed else "forced" if force else "refused"
    promotion = Promotion(
        number=len(history.promotions),
        previous=history.digest,
        time=now(),
        by=by,
        outcome=outcome,
        reason=f"{force} ({verdict.reason})" if force else verdict.reason,
        challenger=challenger.name,
        champion=history.champion if outcome == "refused" else challenger.name,
        gate=gate,
        fallen=verdict.fallen,
    )
    return Promoted(promotion, verdict) if append_promotion(store, promotion) else None


def _champion(store: Store, state: State, history: PromotionHistory) -> Commit | None:
    """The commit of the champion; None while there is none.

    Raises:
        CampaignError: its cycle has another commit.
    """
    champion = history.champion
    if champion is None:
        return None
    for commit in trained_commits(state):
        if commit.digest == champion.commit:
            return commit
    raise CampaignError(
        f"The champion of {store.root} is the model of cycle {champion.cycle}, which has another commit than "
        f"{champion.commit[:16]}…. Restore the folder cycles/{champion.cycle} from a backup, or take {FOLDER} away to "
        "judge all models again."
    )
