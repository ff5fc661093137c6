"""Metrics of earlier and later versions, and those that are damaged."""

from typing import Any

import pytest

from labelcycle.components.core.campaign.cycle_metrics import AccuracyForecast, CycleMetrics, NoForecast
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.errors import CampaignError
from tests.cycle_records import METRICS, TRAINING, cycle_metrics

FORECAST: dict[str, Any] = {
    "reason": None,
    "share": 0.8,
    "ceiling": 0.9,
    "curve": [{"answers": 8, "cost": 8.0, "accuracy": 0.5, "low": 0.4, "high": 0.6}],
    "targets": [],
}
LATER = ("alignment", "reliability", "batch_points", "stop", "random", "forecast", "annotators", "disputed")


def read(content: dict[str, Any]) -> CycleMetrics:
    return CycleMetrics.from_json(canonical_json(content), "metrics.json")


def test_what_earlier_versions_did_not_write_is_none_and_is_not_written_either() -> None:
    metrics = read(METRICS)
    assert [getattr(metrics, name) for name in (*LATER, "label_suspects")] == [None] * 9
    assert metrics.training.trainer is metrics.training.settings is metrics.training.weights is None
    assert canonical_json(metrics.as_json()) == canonical_json(METRICS)


def test_what_later_versions_write_is_kept_at_any_depth() -> None:
    content = METRICS | {
        "margin": 0.25,
        "training": TRAINING | {"sweeps": [1, {"a": None}]},
        "forecast": FORECAST | {"model": "another"},
    }
    assert canonical_json(read(content).as_json()) == canonical_json(content)


def test_none_that_was_written_is_written_again() -> None:
    content = METRICS | {"stop": None, "random": None, "training": TRAINING | {"temperature": None}}
    assert canonical_json(read(content).as_json()) == canonical_json(content)


@pytest.mark.parametrize(("forecast", "kind"), [(FORECAST, AccuracyForecast), ({"reason": "too early"}, NoForecast)])
def test_a_forecast_is_told_from_the_reason_why_there_is_none(forecast: dict[str, Any], kind: type[object]) -> None:
    metrics = read(METRICS | {"forecast": forecast})
    assert type(metrics.forecast) is kind
    assert metrics.as_json()["forecast"] == forecast


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({"accuracy": "high"}, "accuracy: Input should be a valid number"),
        ({"training": {}}, "training.space: Field required"),
        ({"classes": [{"name": "cat"}]}, "classes.0.precision: Field required"),
        ({"confusion": [["many"]]}, "confusion.0.0: Input should be a valid integer"),
    ],
)
def test_a_damaged_field_is_named(damage: dict[str, Any], told: str) -> None:
    with pytest.raises(CampaignError, match=rf"metrics.json is damaged, or of another version: {told}.*backup"):
        read(METRICS | damage)


def test_a_change_leaves_the_rest_as_it_was() -> None:
    metrics = cycle_metrics()
    changed = metrics.model_copy(update={"stop": "a plateau"})
    assert changed.as_json() == METRICS | {"stop": "a plateau"}


def test_training_without_what_came_later() -> None:
    assert TrainingFacts.from_json(canonical_json(TRAINING), "training.json").as_json() == TRAINING
