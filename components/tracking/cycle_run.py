"""What MLflow records of one committed cycle. Every step may be repeated: a second time it changes nothing.

The tables that a cycle was made from are dataset inputs: place and digest of each, never its rows.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from pydantic import JsonValue

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.decision import Decision
from labelcycle.components.core.campaign.remeasured import read_remeasured
from labelcycle.components.core.campaign.summary import SummaryRecord, read_summary
from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.runtime.timings import read_timings
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, read_json, read_object, read_record
from labelcycle.components.tracking import experiments as tags
from labelcycle.components.tracking.artifact_folder import folder_of
from labelcycle.components.tracking.backbone_copy import copy_of_backbone
from labelcycle.components.tracking.cycle_figures import ESTIMATE, cycle_figures, timing_figures
from labelcycle.components.tracking.cycle_tables import TABLES, cycle_tables, tag_of_tables
from labelcycle.components.tracking.model_registry import Candidate, description, log_model, model_files, register
from labelcycle.components.tracking.promotion_history import PromotionHistory

DIGEST_LENGTH = 36
"""MLflow holds no more characters of a digest; the source has it whole."""


def dataset_inputs(
    store: Store, campaign: Campaign, decision: Decision, metrics: CycleMetrics | None
) -> list[DatasetInput]:
    """The pool, and for a cycle that trains the labels and the test set, where there is one.

    Args:
        store: the campaign's.
        campaign: the campaign.
        decision: the cycle's.
        metrics: what was measured of its model; None where it trained none.
    """
    inputs = [_input("pool", _dataset(store, f"{campaign.name}-pool", [campaign.pool]))]
    trained_on = [decision.consensus] if decision.consensus is not None else decision.labels
    if trained_on:
        labels = _dataset(store, f"{campaign.name}-labels", trained_on, {"num_rows": decision.answered})
        inputs.append(_input("training", labels))
        if metrics is None or metrics.test_samples:
            inputs.append(_input("evaluation", test_set(store, campaign, decision, metrics)))
    return inputs


def test_set(store: Store, campaign: Campaign, decision: Decision, metrics: CycleMetrics | None) -> Dataset:
    """The true classes of the test samples: a table that never changes, or those of the labels that people gave."""
    if metrics is None or metrics.test_set is None or decision.consensus is None:
        return _dataset(store, f"{campaign.name}-truth", [campaign.truth])
    given = _dataset(store, f"{campaign.name}-test", [decision.consensus], {"num_rows": metrics.test_samples})
    return Dataset(given.name, metrics.test_set[:DIGEST_LENGTH], given.source_type, given.source, profile=given.profile)


def _dataset(
    store: Store, name: str, references: list[ObjectReference], profile: Mapping[str, int] | None = None
) -> Dataset:
    """One dataset in one or more tables. Its digest is the table's, or that of all the tables' digests."""
    digests = [reference.sha256 for reference in references]
    digest = digests[0] if len(digests) == 1 else digest_of_json(digests)
    source: dict[str, JsonValue] = {"uri": store.locate(references[-1].key), "sha256": digest}
    if len(references) > 1:
        source["parts"] = [reference.model_dump(mode="json") for reference in references]
    return Dataset(
        name=name,
        digest=digest[:DIGEST_LENGTH],
        source_type="s3" if store.root.startswith("s3://") else "local",
        source=json.dumps(source),
        profile=None if profile is None else json.dumps(profile),
    )


def _input(context: str, dataset: Dataset) -> DatasetInput:
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


HEADLINES = (
    "accuracy",
    "macro_f1",
    "ece",
    "labels",
    "label_cost",
    "known_unknown_ratio",
    ESTIMATE,
    f"{ESTIMATE}_low",
    f"{ESTIMATE}_high",
)
"""Metrics that the campaign's run shows as curves over the cycles; where the test set can grow, its size is another."""

MODEL_FIGURES = ("accuracy", "macro_f1", "ece")
"""Metrics that judge the model itself."""

MOST_METRICS = 1000
"""That MLflow takes at once."""

FILES = {
    "learning_curve": "learning_curve.png",
    "confusion_matrix": "confusion_matrix.png",
    "contact_sheet": "contact_sheet.png",
    "calibration": "calibration.png",
    "feature_map": "feature_map.png",
    "cost": "cost.png",
    "report": "report.html",
    "metrics": "metrics.json",
}
"""Objects of a commit that become artifacts, and their file names there."""

LAST_QUERY = "last_query.png"
"""In the campaign's run: the pictures of the newest query that has some."""


@dataclass(frozen=True)
class TrackedCycle:
    """A committed cycle, its run, the campaign's run above it, the campaign's history of promotions, and its settings.

    Campaign and settings are as they were for that cycle.
    """

    store: Store
    campaign: Campaign
    commit: Commit
    run: Run
    parent: Run
    history: PromotionHistory
    settings: Mapping[str, object]

    @property
    def run_id(self) -> str:
        """MLflow's id of the cycle's run."""
        identifier: str = self.run.info.run_id
        return identifier


def log_cycle(client: MlflowClient, cycle: TrackedCycle) -> None:
    """Log a cycle. Its figures come last, with the tag that marks it as complete, which MLflow writes after them.

    Cost: three requests for a cold start; sixteen for a cycle that trains, and one for each file of report and model.
    """
    decision = Decision.model_validate(read_json(cycle.store, cycle.commit.objects["decision"]))
    summary = read_summary(cycle.store, cycle.commit)
    figures = {"query_size": summary.query_size, **_timing_figures(cycle)}
    found = cycle.commit.objects.get("metrics")
    measured = None if found is None else read_record(cycle.store, found, CycleMetrics)
    client.log_inputs(cycle.run_id, dataset_inputs(cycle.store, cycle.campaign, decision, measured))
    tables: dict[str, str] = {}
    if measured is not None:
        shown = cycle_tables(cycle.store, cycle.commit, measured)
        tables = {TABLES: tag_of_tables(list(shown))}
        _log_files(client, cycle, shown)
        metrics = _log_training(client, cycle, decision, measured, figures)
    else:
        metrics = _metrics(cycle, figures, step=0)
    if os.environ.get("MLFLOW_RUN_ID") != cycle.run_id:
        client.set_terminated(cycle.run_id, "FINISHED")
    marks = {tags.DECISION: _decision(summary, decision), **tables, tags.COMPLETE: "true"}
    known = cycle.run.data.params  # of a run that the platform prepared: a param cannot have two values
    params = [Param(name, str(value)) for name, value in cycle.settings.items() if name not in known]
    client.log_batch(cycle.run_id, metrics, params, [RunTag(name, value) for name, value in marks.items()])


def _decision(summary: SummaryRecord, decision: Decision) -> str:
    """What the cycle decided, in a line: the table of runs can show it as a column."""
    if decision.action == "finalize":
        return "finalized"
    if summary.stopped is not None:
        return f"stopped: {summary.stopped}"[: tags.LONGEST]
    asked = summary.query_size
    return f"asked for {asked} labels" if asked else "asked for nothing more"


def _log_training(
    client: MlflowClient, cycle: TrackedCycle, decision: Decision, measured: CycleMetrics, figures: dict[str, float]
) -> list[Metric]:
    """Log a trained model. The campaign's curves go over its cycles; a final model has figures of its own there.

    Returns:
        the cycle's metrics, still to be logged: `figures` and those of the training.
    """
    final = decision.action == "finalize"
    trained = cycle_figures(measured)
    names = HEADLINES if measured.test_set is None else (*HEADLINES, "test_samples")
    headlines = {f"final_{name}" if final else name: trained[name] for name in names if name in trained}
    candidate = Candidate(cycle.campaign, cycle.commit, cycle.run, measured.labels, measured)
    needed = None if "backbone" in cycle.commit.objects else cycle.campaign.backbone
    copy = copy_of_backbone(client, cycle.store, cycle.parent, needed)
    described = description(cycle.store, cycle.campaign, cycle.commit, measured.space, copy)
    model_id = log_model(client, candidate, model_files(cycle.store, cycle.commit, described), described)
    register(client, candidate, model_id, cycle.history)
    curve = [*_metrics(cycle, headlines, cycle.commit.cycle), *_measured_again(cycle, measured)]
    for start in range(0, len(curve), MOST_METRICS):
        client.log_batch(cycle.parent.info.run_id, metrics=curve[start : start + MOST_METRICS])
    data = test_set(cycle.store, cycle.campaign, decision, measured)
    return _metrics(cycle, trained | figures, measured.labels, model_id, data)


def _measured_again(cycle: TrackedCycle, measured: CycleMetrics) -> list[Metric]:
    """The campaign's curves for the cycles before, where their models were measured on another test set by this one.

    They are logged once more at the steps of these cycles, with the time of this one.
    """
    again = read_remeasured(cycle.store, cycle.commit.objects) if measured.remeasured else None
    return [
        metric
        for model in (again.models if again is not None else [])
        for name in MODEL_FIGURES
        if (value := getattr(model, name)) is not None
        for metric in _metrics(cycle, {name: value}, model.cycle)
    ]


def _timing_figures(cycle: TrackedCycle) -> dict[str, float]:
    return timing_figures(read_timings(cycle.store, cycle.commit.cycle), cycle.campaign.prices)


def _metrics(
    cycle: TrackedCycle,
    figures: dict[str, float],
    step: int,
    model_id: str | None = None,
    data: Dataset | None = None,
) -> list[Metric]:
    """Figures as MLflow's metrics, those of the test set tied to the model.

    All bear the time at which the cycle's run began, so that MLflow knows them again when they are logged twice.
    """
    time = cycle.run.info.start_time
    metrics = []
    for name, value in figures.items():
        if data is not None and name in MODEL_FIGURES:
            metrics.append(Metric(name, value, time, step, model_id, data.name, data.digest))
        else:
            metrics.append(Metric(name, value, time, step))
    return metrics


def _log_files(client: MlflowClient, cycle: TrackedCycle, tables: dict[str, bytes]) -> None:
    """Report, figures and tables of the cycle; and in the campaign's run, the pictures of what is asked last."""
    objects = cycle.commit.objects
    files = {file: read_object(cycle.store, objects[name]) for name, file in FILES.items() if name in objects}
    with folder_of(files | tables) as folder:
        client.log_artifacts(cycle.run_id, folder)
    if "contact_sheet" in objects:
        with folder_of({LAST_QUERY: files[FILES["contact_sheet"]]}) as folder:
            client.log_artifact(cycle.parent.info.run_id, f"{folder}/{LAST_QUERY}")
