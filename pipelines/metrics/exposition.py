"""Figures in Prometheus' text format, as its naming rules have it: base units, and a help text each."""

import time
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry, Enum, Gauge, generate_latest, write_to_textfile

from labelcycle.components.core.campaign.label_quality import RecheckFigures
from labelcycle.components.core.campaign.state import Phase
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.metrics.campaign_figures import Figures, LastRun

ENDING = ".prom"
"""The textfile collector reads files of this ending only."""

CAMPAIGN = {
    "labelcycle_campaign_cycle": "The last committed cycle, from 0.",
    "labelcycle_campaign_labels": "Samples with a label.",
    "labelcycle_campaign_answers": "Samples asked for that have their answers, skipped and unsure ones among them.",
    "labelcycle_campaign_outstanding_samples": "Samples of earlier queries that have no answer yet.",
    "labelcycle_campaign_awaited_samples": "Samples of the last query, while it has to be answered.",
    "labelcycle_campaign_budget_labels": "Labels that may be asked for in all.",
    "labelcycle_campaign_test_accuracy_ratio": "Accuracy of the last model on the test set, 0 to 1.",
    "labelcycle_campaign_last_commit_timestamp_seconds": "When the last cycle was committed, in seconds since 1970.",
    "labelcycle_campaign_last_commit_age_seconds": "Seconds since the last cycle was committed, when this was written.",
    "labelcycle_campaign_failed_runs": "Runs of stages that failed in the cycle that is not committed yet.",
}
STAGE = {
    "labelcycle_stage_last_run_duration_seconds": "Time on the clock; of a divided stage, of its longest part.",
    "labelcycle_stage_last_run_cpu_seconds": "Time of processor cores, all parts together.",
    "labelcycle_stage_last_run_gpu_seconds": "Time on the clock of parts that computed on a GPU.",
    "labelcycle_stage_last_run_rows": "Samples that it worked on.",
    "labelcycle_stage_last_run_peak_memory_bytes": "Largest resident memory; of a divided stage, of its largest part.",
    "labelcycle_stage_last_run_read_bytes": "Bytes read from the campaign's store.",
    "labelcycle_stage_last_run_written_bytes": "Bytes written to the campaign's store.",
}
PHASE = "labelcycle_campaign_phase"
SPENT = "labelcycle_campaign_spent_cost"
RECHECKED = "labelcycle_campaign_rechecked_labels"


def as_text(figures: Figures) -> str:
    """All figures in the text format."""
    return generate_latest(registry_of(figures, time.time())).decode()


def write_file(figures: Figures, path: Path) -> None:
    """Write the text format to a file, as a whole: who reads it sees the old one or the new.

    Raises:
        ConfigurationError: the file's name has another ending.
    """
    if path.suffix != ENDING:
        raise ConfigurationError(f"--output {path} does not end in {ENDING}, which the textfile collector asks for.")
    write_to_textfile(str(path), registry_of(figures, time.time()))


def registry_of(figures: Figures, now: float) -> CollectorRegistry:
    """The figures as gauges; one that is not known has no sample.

    Args:
        figures: of a campaign.
        now: the time, in seconds since 1970.
    """
    registry = CollectorRegistry()
    phase = Enum(PHASE, "What comes next.", ["campaign"], registry=registry, states=list(get_args(Phase)))
    phase.labels(figures.campaign).state(figures.phase)
    spent = Gauge(SPENT, "What was spent, in the currency of the prices.", ["campaign", "kind"], registry=registry)
    spent.labels(figures.campaign, "labels").set(figures.label_cost)
    spent.labels(figures.campaign, "computing").set(figures.compute_cost)
    checked = Gauge(RECHECKED, "Labels that were asked for again.", ["campaign", "outcome"], registry=registry)
    for outcome, count in _outcomes(figures.rechecks).items():
        checked.labels(figures.campaign, outcome).set(count)
    for (name, meaning), value in zip(CAMPAIGN.items(), _of_campaign(figures, now), strict=True):
        gauge = Gauge(name, meaning, ["campaign"], registry=registry)
        if value is not None:
            gauge.labels(figures.campaign).set(value)
    runs = [(run.stage, _of_run(run)) for run in figures.runs]
    for number, (name, meaning) in enumerate(STAGE.items()):
        gauge = Gauge(name, f"Last run of a stage: {meaning}", ["campaign", "stage"], registry=registry)
        for stage, values in runs:
            value = values[number]
            if value is not None:
                gauge.labels(figures.campaign, stage).set(value)
    return registry


def _outcomes(rechecks: RecheckFigures | None) -> dict[str, int]:
    """How many rechecks ended how; each is counted once."""
    if rechecks is None:
        return {}
    return {
        "confirmed": rechecks.confirmed,
        "corrected": rechecks.corrected,
        "undecided": rechecks.answered - rechecks.confirmed - rechecks.corrected,
        "unanswered": rechecks.asked - rechecks.answered,
    }


def _of_campaign(figures: Figures, now: float) -> tuple[float | None, ...]:
    """In the order of `CAMPAIGN`."""
    return (
        figures.cycle,
        figures.labels,
        figures.answers,
        figures.outstanding,
        figures.awaited,
        figures.budget,
        figures.accuracy,
        figures.committed,
        None if figures.committed is None else max(0.0, now - figures.committed),
        figures.failures,
    )


def _of_run(run: LastRun) -> tuple[float | None, ...]:
    """In the order of `STAGE`."""
    return (
        run.wall_seconds,
        run.cpu_seconds,
        run.gpu_seconds,
        run.rows,
        run.peak_memory_bytes,
        run.bytes_read,
        run.bytes_written,
    )
