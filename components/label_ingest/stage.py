"""The label_ingest stage: read new labels, and decide whether this run trains, waits or is done."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from pydantic import ValidationError

from labelcycle.components.core.campaign.algorithms import algorithms_of
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit, attempt_key, read_commit
from labelcycle.components.core.campaign.decision import Action, Decision, attempt_name, check_follows
from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.campaign.history_tables import extend_history
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.campaign.vote_tables import votes_table
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.runtime.observation import observed
from labelcycle.components.core.runtime.seconds_by_cycle import sum_up_cycles
from labelcycle.components.core.storage import Store, open_store
from labelcycle.components.core.storage.objects import ObjectReference, write_json, write_object
from labelcycle.components.core.storage.tables import table_bytes
from labelcycle.components.label_ingest.collected_labels import (
    CollectedLabels,
    check_finalizable,
    collect_labels,
    labels_to_begin_with,
    without_final_training,
)
from labelcycle.components.label_ingest.readiness import readiness_now
from labelcycle.components.label_ingest.watched_images import take_in_watched_images
from labelcycle.components.labelling.query_delivery import deliver_query, refuse_lost_commit
from labelcycle.components.notification.occasions import tell_of_awaited, tell_of_end, tells_of_failure

Outcome = Literal["cold_start", "train", "wait", "done"]


@dataclass(frozen=True)
class Ingested(Facts):
    """What the rest of the run has to do.

    Attributes:
        decision: `cold_start` and `train` go on; `wait` and `done` end the run and begin no attempt. The final model
            is trained by `train` too.
        cycle: the cycle that this run works on, or the last one when done.
        attempt: its attempt; empty unless the run goes on.
        reason: why, in words.
        awaited: samples that people have still to label.
        final: whether this run trains the final model.
    """

    decision: Outcome
    cycle: int
    attempt: str
    reason: str
    awaited: int = 0
    final: bool = False


@observed
@tells_of_failure
def run(root: str, labels_from: str = "", finalize: bool = False) -> Ingested:
    """Decide what comes next for the campaign, and prepare the attempt.

    Args:
        root: the campaign's folder or S3 prefix.
        labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own. A campaign
            without a source reads the CSV that it delivered for its last query.
        finalize: train the final model on every label so far, among them the answers to the last query that are there,
            and end the campaign. Nothing is done where it has its final model already, or its recipe has none.

    Raises:
        ConfigurationError: `finalize` for a campaign without images, or one that has trained no model yet.
        InputError: a row of the label file is wrong; nothing is then written.
        CampaignError: a commit is damaged, or was deleted.

    Cost: reads the commits, the last query and the label file.
    """
    return _ingest(open_store(root), labels_from, finalize)


def _ingest(store: Store, labels_from: str, finalize: bool, look_for_images: bool = True) -> Ingested:
    """Decide; once more where images that have come join the campaign, so that all is decided of the same campaign."""
    state = read_state(store)

    def began_again() -> Ingested | None:
        if look_for_images and not finalize and take_in_watched_images(store, state):
            return _ingest(store, labels_from, finalize, look_for_images=False)
        return None

    if finalize and state.campaign.recipe.final is None:
        return Ingested("done", max(0, len(state.commits) - 1), "", without_final_training(state))
    if finalize and state.final is None:
        check_finalizable(state)
    if not state.commits:
        if (again := began_again()) is not None:
            return again
        known = labels_to_begin_with(store, state.campaign)
        if known is not None:
            return _begin(store, state, "train", known, f"{known.labelled} labels were known when the campaign began")
        return _begin(store, state, "cold_start", None, "no query yet: choose the first samples to label")
    last = state.commits[-1]
    check_follows(store, state.campaign, last, read_commit(store, last.cycle - 1) if last.cycle else None)
    place = deliver_query(store, state.campaign, last)
    if state.campaign.prices.computing_costs:
        sum_up_cycles(store, len(state.commits))
    if state.phase == "done" and (not finalize or state.final is not None):
        if state.final is None and (again := began_again()) is not None:
            return again
        tell_of_end(store, state)
        return Ingested("done", last.cycle, "", state.why_done)
    collected = collect_labels(store, state, labels_from)
    if finalize:
        return _begin(store, state, "finalize", collected, "train the final model on every label so far")
    if state.phase == "amended":
        if (again := began_again()) is not None:
            return again
        action: Action = "train" if collected.usable else "cold_start"
        return _begin(store, state, action, collected, "the campaign was amended, and may ask for more")
    ready = readiness_now(store, state, collected.answers)
    if not ready.ready:
        reason = _awaited(collected, last.cycle, ready.reason)
        tell_of_awaited(store, state, len(collected.answers.unanswered), place or collected.source)
        return Ingested("wait", last.cycle + 1, "", reason, len(collected.answers.unanswered))
    if (again := began_again()) is not None:
        return again
    late = sum(request.cycle < last.cycle for request in collected.fresh)
    reason = f"{len(collected.fresh)} new labels" + (f", {late} of them for earlier queries" if late else "")
    reason += f", {collected.fresh_to_test_with} of them to test with" if collected.fresh_to_test_with else ""
    reason += f"; answers corrected: {collected.corrected}" if collected.corrected else ""
    reason += f"; {ready.reason}" if collected.answers.unanswered else ""
    return _begin(store, state, "train" if collected.usable else "cold_start", collected, reason)


def _awaited(collected: CollectedLabels, cycle: int, reason: str) -> str:
    """What is awaited, in words."""
    unanswered = collected.answers.unanswered
    asked = len(collected.answers.complete) + len(unanswered)
    few = ", ".join(repr(request.sample_id) for request in unanswered[:3]) + (", …" if len(unanswered) > 3 else "")
    return (
        f"{len(unanswered)} of {asked} samples of cycle {cycle}'s query have no label in {collected.source}: {few} "
        f"({reason})"
    )


def _begin(store: Store, state: State, action: Action, collected: CollectedLabels | None, reason: str) -> Ingested:
    """Write the new votes, the consensus and the decision of an attempt named by all that the cycle depends on."""
    campaign, cycle = state.campaign, len(state.commits)
    refuse_lost_commit(store, cycle)
    last: Commit | None = state.commits[-1] if state.commits else None
    new = consensus = None
    if collected is not None and collected.new:
        new = _write(store, "labels", cycle, votes_table(collected.new))
    if collected is not None and collected.consensus.num_rows:
        consensus = _write(store, "consensus", cycle, collected.consensus)
    labelled, answered, outstanding = (0, 0, 0)
    if collected is not None:
        labelled, answered, outstanding = collected.labelled, collected.answered, collected.outstanding
    final = action == "finalize"
    previous = last.objects if last else {}
    size = 0 if final else campaign.query_size(answered + outstanding, first=not state.commits)
    decision = Decision(
        cycle=cycle,
        action=action,
        new_labels=new,
        consensus=consensus,
        labelled=labelled,
        answered=answered,
        outstanding=outstanding,
        query_size=size,
        previous=previous,
        history=extend_history(store, state),
        algorithms=algorithms_of(campaign.recipe, action, size > 0, previous),
        amendment=state.newest_amendment,
    )
    attempt = attempt_name(campaign, decision)
    _write_decision(store, campaign, attempt, decision)
    return Ingested("train" if decision.trains else "cold_start", cycle, attempt, reason, final=final)


def _write_decision(store: Store, campaign: Campaign, attempt: str, decision: Decision) -> None:
    """Write the decision of an attempt, unless a sound one of that name is there: a stage may have read it already.

    The one there says the same, but that an earlier labelcycle wrote no versions into it.
    """
    key = attempt_key(decision.cycle, attempt, "decision.json")
    try:
        there = Decision.model_validate_json(store.read(key))
    except (FileNotFoundError, ValidationError):
        there = None
    if there is None or attempt_name(campaign, there) != attempt:
        write_json(store, key, decision.model_dump(mode="json"))


def _write(store: Store, folder: str, cycle: int, table: pa.Table) -> ObjectReference:
    data = table_bytes(table)
    return write_object(store, f"{folder}/{cycle}-{digest_of_bytes(data)[:16]}.parquet", data)
