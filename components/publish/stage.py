"""The publish stage: complete the cycle's record, commit it, and hand the query to the people who label."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from labelcycle.components.core.campaign.algorithms import TRAINING_ALIGNED
from labelcycle.components.core.campaign.attempt import Attempt, open_attempt
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit, write_commit
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.facts import Facts
from labelcycle.components.core.campaign.price_history import price_history_before
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.campaign.remeasured import NAME, Remeasured, on_present_test_set
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.campaign.summary import CycleSummary, SummaryRecord
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.digests import canonical_json, digest_of_bytes
from labelcycle.components.core.errors import CampaignError, TransientError
from labelcycle.components.core.runtime.observation import notice, observed
from labelcycle.components.core.storage.objects import ObjectReference, read_object
from labelcycle.components.core.storage.tables import QUERY, without_unused
from labelcycle.components.labelling.query_delivery import deliver_query
from labelcycle.components.notification.occasions import tell_of_commit
from labelcycle.components.publish.cycle_report import Drawn, draw_cycle

EMPTY_QUERY = "empty_query.parquet"


@dataclass(frozen=True)
class Published(Facts, rows="query_size"):
    """The commit, and where the query was put for labelling.

    Attributes:
        cycle: the cycle.
        committed: whether this attempt is the cycle's commit; False if another run committed the cycle first.
        labels: labels so far.
        accuracy: on the test set; None for the cold start, and where there is nothing to test with.
        query_size: samples delivered for labelling.
        handout: where their list is; empty for an empty query.
        report: where the cycle's report is; empty for the cold start.
        accuracy_in_words: the accuracy or what stands in for it; empty for the cold start.
    """

    cycle: int
    committed: bool
    labels: int
    accuracy: float | None
    query_size: int
    handout: str
    report: str
    accuracy_in_words: str = ""


@observed
def run(root: str, cycle: int, attempt: str, report: str = "") -> Published:
    """Write plots, report and summary, commit the cycle if no other run has, and deliver the committed query.

    Where evaluate found that the recipe's stop rule holds, an empty query is committed instead of the one chosen.
    Both halves may be repeated: a kill between commit and hand-out is mended by the next run's label_ingest.

    Args:
        root: the campaign's folder or S3 prefix.
        cycle: the cycle, from 0.
        attempt: the attempt's name, from label_ingest.
        report: where to put a copy of the report for the platform's own records; empty for none.
    """
    work = open_attempt(root, cycle, attempt)
    metrics = work.read_record("metrics.json", CycleMetrics) if work.decision.trains else None
    files = _files_of_stages(work, metrics)
    if metrics is not None and metrics.stop is not None:
        work.write_table(EMPTY_QUERY, without_unused(QUERY.empty_table()))
        files["query"] = EMPTY_QUERY
    query = read_query(work.store, work.reference(files["query"]))
    files["summary"] = "summary.json"
    summary = _summary(work, metrics, query.num_rows)
    work.write_record(files["summary"], summary)
    uris: Mapping[str, str | None] | None = None
    if metrics is not None:
        drawn = _drawn(work, metrics, query, summary)
        files |= _files_of(work, drawn)
        uris = drawn.uris
    work.record("publish")
    objects = _objects_elsewhere(work) | {name: work.reference(file) for name, file in files.items()}
    mine = Commit(cycle=cycle, attempt=attempt, objects=objects)
    committed = write_commit(work.store, mine)
    state = read_state(work.store)
    winner = state.commits[cycle]
    if not committed:
        notice(f"Cycle {cycle} was committed by another run (attempt {winner.attempt}); this run changed nothing.")
    same_pool = state.campaign.pool == work.campaign.pool and state.campaign.quarantine == work.campaign.quarantine
    handed = _hand_out(work, state.campaign, winner, uris if winner == mine and same_pool else None)
    tell_of_commit(work.store, state, cycle, handed)
    if report and "report" in winner.objects:
        Path(report).parent.mkdir(parents=True, exist_ok=True)
        Path(report).write_bytes(read_object(work.store, winner.objects["report"]))
    facts = state.summaries[cycle]
    return Published(
        cycle=cycle,
        committed=committed,
        labels=facts.labels,
        accuracy=facts.accuracy,
        query_size=facts.query_size,
        handout=handed,
        report=work.store.locate(winner.objects["report"].key) if "report" in winner.objects else "",
        accuracy_in_words=facts.accuracy_in_words if facts.trained else "",
    )


def _hand_out(work: Attempt, campaign: Campaign, commit: Commit, uris: Mapping[str, str | None] | None) -> str:
    """Hand out the query. A labelling tool that does not answer gets it with the next run; the commit stands.

    People see the campaign as it is now: classes that came while the cycle was made are among those they may give.
    """
    try:
        return deliver_query(work.store, campaign, commit, uris) or ""
    except TransientError as error:
        notice(f"The query of cycle {commit.cycle} is not delivered yet: {error} The next run delivers it.")
        return ""


def _files_of_stages(work: Attempt, metrics: CycleMetrics | None) -> dict[str, str]:
    """The objects that the stages before this one wrote, by the name that the commit gives them."""
    files = {"query": "query.parquet"}
    if metrics is None:
        return files
    files |= {"head": "head.safetensors", "training": "training.json", "metrics": "metrics.json"}
    if metrics.training.adapter_sha256 is not None:
        files |= {
            "adapter_model": "adapter/adapter_model.safetensors",
            "adapter_config": "adapter/adapter_config.json",
        }
    if metrics.alignment is not None:
        files["alignment"] = "alignment.json"
        settings = work.campaign.recipe.alignment
        if metrics.alignment.updates and settings is not None and not settings.feature_alignment:
            files[TRAINING_ALIGNED] = "alignment.json"
    if metrics.label_suspects is not None:
        files["label_suspects"] = "label_suspects.parquet"
    if metrics.test_set is not None:
        files["test_predictions"] = "test_predictions.parquet"
    if metrics.remeasured is not None:
        files[NAME] = f"{NAME}.json"
    return files


def _objects_elsewhere(work: Attempt) -> dict[str, ObjectReference]:
    """What the commit names beside the results of this attempt's stages: its decision, labels, and tuned weights."""
    decision = canonical_json(work.decision.model_dump(mode="json"))
    objects = {"decision": ObjectReference(key=work.key("decision.json"), sha256=digest_of_bytes(decision))}
    if work.decision.history is not None:
        objects["history"] = work.decision.history
    if NAME in work.decision.previous:
        objects[NAME] = work.decision.previous[NAME]
    if work.decision.amendment is not None:
        objects["amendment"] = work.decision.amendment
    if work.decision.new_labels is not None:
        objects["labels"] = work.decision.new_labels
    if work.decision.consensus is not None:
        objects["consensus"] = work.decision.consensus
    if not work.decision.trains:
        return objects
    training = work.read_record("training.json", TrainingFacts)
    if training.weights is not None:
        objects["backbone"] = training.weights
    if training.optimiser is not None:
        objects["optimiser"] = training.optimiser
    return objects


def _summary(work: Attempt, metrics: CycleMetrics | None, query_size: int) -> SummaryRecord:
    return SummaryRecord(
        cycle=work.cycle,
        labels=work.decision.labelled,
        answers=work.decision.answered,
        outstanding=work.decision.outstanding,
        accuracy=metrics.accuracy if metrics else None,
        macro_f1=metrics.macro_f1 if metrics else None,
        ece=metrics.ece if metrics else None,
        space=metrics.space if metrics else None,
        query_size=query_size,
        final=work.decision.action == "finalize",
        stopped=metrics.stop if metrics else None,
        previous_query=metrics.previous_query if metrics else None,
        **_told_of_testing(metrics),
    )


def _told_of_testing(metrics: CycleMetrics | None) -> dict[str, Any]:
    """What the summary says of a test set that can grow, and of what stands in for it."""
    if metrics is None:
        return {}
    counted = {} if metrics.test_set is None else {"test_samples": metrics.test_samples}
    if metrics.test_labels_corrected:
        counted["test_labels_corrected"] = metrics.test_labels_corrected
    return counted | ({} if metrics.estimate is None else {"estimate": metrics.estimate})


def _drawn(work: Attempt, metrics: CycleMetrics, query: pa.Table, summary: SummaryRecord) -> Drawn:
    """Plots and report of a trained cycle."""
    earlier = read_state(work.store)
    if len(earlier.commits) < work.cycle:
        raise CampaignError(f"Cycle {work.cycle} cannot be published: cycle {work.cycle - 1} is not committed.")
    so_far = earlier.summaries[: work.cycle]
    if metrics.remeasured is not None:
        so_far = on_present_test_set(so_far, work.read_record(f"{NAME}.json", Remeasured))
    trained = [past for past in so_far if past.trained]
    summaries = [*trained, CycleSummary.of(summary)]
    prices = price_history_before(earlier, work.cycle, work.campaign.prices)
    return draw_cycle(work, metrics, query, summaries, prices)


def _files_of(work: Attempt, drawn: Drawn) -> dict[str, str]:
    """Write plots and report. Returns their files by the name that the commit gives them."""
    for name, data in drawn.images.items():
        work.write(f"{name}.png", data)
    work.write("report.html", drawn.page.encode())
    return {**{name: f"{name}.png" for name in drawn.images}, "report": "report.html"}
