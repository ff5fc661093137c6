"""The figures of a cycle by the names that MLflow has them by: of the model, its query, its people, and its stages."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TypeGuard

from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.estimate import AccuracyEstimate
from labelcycle.components.core.campaign.label_quality import AnnotatorFigures, RecheckFigures
from labelcycle.components.core.campaign.training import AlignmentVerdict
from labelcycle.components.core.runtime.timings import Timing

ESTIMATE = "cross_validated_accuracy"
"""What stands in for accuracy while nothing is there to test with; never in the curve of `accuracy`."""

SYSTEM = "system/"


def cycle_figures(metrics: CycleMetrics) -> dict[str, float]:
    """The numbers of a cycle by name; those that are missing, infinite or not a number are left out."""
    training, query, suspects = metrics.training, metrics.previous_query, metrics.label_suspects
    candidates: dict[str, object] = {
        **{name: value for name, value in metrics if name != "cycle"},
        "known_unknown_ratio": query.known_unknown_ratio if query else None,
        "training_loss": training.loss,
        "trainable_parameters": training.trainable_parameters,
        "trainable_share": training.trainable_share,
        "validation_accuracy": training.validation_accuracy,
        "temperature": training.temperature,
        **(_alignment_figures(metrics.alignment) if metrics.alignment else {}),
        **(_annotator_figures(metrics.annotators) if metrics.annotators else {}),
        "disputed_samples": metrics.disputed.count if metrics.disputed else None,
        "label_suspects": suspects.found if suspects else None,
        **(_recheck_figures(metrics.rechecks) if metrics.rechecks else {}),
        **(_class_figures(metrics.labels_by_class) if metrics.labels_by_class else {}),
        **(_estimate_figures(metrics.estimate) if isinstance(metrics.estimate, AccuracyEstimate) else {}),
    }
    return {name: float(value) for name, value in candidates.items() if _is_figure(value)}


def _alignment_figures(verdict: AlignmentVerdict) -> dict[str, object]:
    """What the decision to recompute features rests on, and the decision itself as 1 or 0."""
    return {f"alignment_{name}": int(value) if isinstance(value, bool) else value for name, value in verdict}


def _estimate_figures(found: AccuracyEstimate) -> dict[str, object]:
    return {ESTIMATE: found.accuracy, f"{ESTIMATE}_low": found.low, f"{ESTIMATE}_high": found.high}


def _recheck_figures(found: RecheckFigures) -> dict[str, object]:
    return {f"rechecks_{name}": getattr(found, name) for name in ("asked", "answered", "confirmed", "corrected")}


def _class_figures(labels: Mapping[str, int]) -> dict[str, object]:
    """How uneven classes are: the labels of the rarest one, and how many have none."""
    counts = list(labels.values())
    return {"labels_of_rarest_class": min(counts), "classes_without_labels": counts.count(0)}


def _annotator_figures(found: AnnotatorFigures) -> dict[str, object]:
    """How well people agree, without their names."""
    agreements = [person.agreement for person in found.people if person.agreement is not None]
    return {
        "annotators": len(found.people) or None,
        "annotator_votes": found.votes,
        "annotator_alpha": found.alpha,
        "annotator_lowest_agreement": min(agreements, default=None),
    }


def timing_figures(timings: list[Timing], prices: Prices) -> dict[str, float]:
    """What a cycle's stages took, such as `system/cpu_seconds/train_adapter`, and its price.

    Seconds and bytes are sums over all runs of a stage, and have their sum over all stages under `total`. Rows are sums
    of a stage alone, since stages count different things. Memory is that of the run that took most; under `max`, of
    whatever stage. GPU seconds are there only where a GPU was used, rows and bytes only where they were
    counted. Without any record there is nothing. MLflow's page keeps what is under `system/` on a tab of its own.
    """
    if not timings:
        return {}
    figures: dict[str, float] = {}
    for timing in timings:
        for name, value in asdict(timing.used).items():
            _add(figures, f"{name}/{timing.step}", value)
            _add(figures, f"{name}/total", value)
        _add(figures, f"rows/{timing.step}", timing.rows)
        for name in ("bytes_read", "bytes_written", "requests"):
            count = getattr(timing, name)
            _add(figures, f"{name}/{timing.step}", count)
            _add(figures, f"{name}/total", count)
        for step in (timing.step, "max"):
            name = f"peak_memory_bytes/{step}"
            figures[name] = max(figures.get(name, 0.0), float(timing.peak_memory_bytes))
    figures["compute_cost"] = prices.of_computing(figures["cpu_seconds/total"], figures["gpu_seconds/total"])
    return {
        name if name == "compute_cost" else f"{SYSTEM}{name}": value
        for name, value in figures.items()
        if value or not name.startswith("gpu_seconds/")
    }


def _add(figures: dict[str, float], name: str, value: float | None) -> None:
    if value is not None:
        figures[name] = figures.get(name, 0.0) + value


def _is_figure(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
