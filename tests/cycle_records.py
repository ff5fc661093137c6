"""Metrics and training facts of a cycle that nobody trained, as the least that any version writes."""

from typing import Any

from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.training import TrainingFacts

TRAINING: dict[str, Any] = {
    "space": "0123456789abcdef",
    "adapter_sha256": None,
    "labelled": 8,
    "epochs": 20,
    "learning_rate": 0.02,
    "loss": 0.5,
    "validation_accuracy": None,
    "trainable_parameters": 7,
    "total_parameters": 14,
    "trainable_share": 0.5,
}
METRICS: dict[str, Any] = {
    "cycle": 1,
    "labels": 8,
    "answers": 8,
    "label_cost": 8.0,
    "space": "0123456789abcdef",
    "training": TRAINING,
    "previous_query": None,
    "accuracy": 0.5,
    "macro_f1": 0.25,
    "ece": 0.125,
    "test_samples": 2,
    "classes": [
        {"name": "cat", "precision": 0.5, "recall": 1.0, "f1": 0.5, "support": 1},
        {"name": "dog", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
    ],
    "confusion": [[1, 0], [1, 0]],
}


def training_facts(**changes: Any) -> TrainingFacts:
    """The facts with these changes."""
    return TrainingFacts.model_validate(TRAINING | changes)


def cycle_metrics(**changes: Any) -> CycleMetrics:
    """The metrics with these changes, plain values or records."""
    return CycleMetrics.model_validate(METRICS | changes)
