"""The whole default path on data that give it little to go by: k-means start, `logistic`, `uherding`, to the end.

Counts are exact, nothing is NaN, and nothing warns, since warnings are errors here.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.storage.tables import table_in

POOL, TEST, WIDTH = 48, 12, 8
EVERYTHING = POOL + TEST
Case = tuple[dict[str, Any], dict[str, Any]]
"""Arrays of the embeddings' file in the place of the plain ones, and settings of the campaign."""

GENERATOR = np.random.default_rng(0)
CLASSES = np.array(["blue", "green", "red"])[np.arange(EVERYTHING) % 3]
IDS = np.array([f"{name}-{row:02}" for row, name in enumerate(CLASSES)])
FEATURES = np.eye(3, WIDTH)[np.arange(EVERYTHING) % 3] * 4 + GENERATOR.normal(size=(EVERYTHING, WIDTH))
SPLITS = np.where(np.arange(EVERYTHING) < POOL, "pool", "test")


def of_class(name: str, count: int) -> list[str]:
    found: list[str] = IDS[(name == CLASSES) & (SPLITS == "pool")][:count].tolist()
    return found


def asked_first(ids: list[str]) -> dict[str, Any]:
    return {"overrides": {"selector.include": ids}, "initial": len(ids)}


CASES: dict[str, Case] = {
    "one class labelled so far": ({}, asked_first(of_class("blue", 4))),
    "one label": ({}, asked_first(of_class("blue", 1))),
    "a class with one label": ({}, asked_first([*of_class("blue", 5), *of_class("red", 1)])),
    "duplicates": ({"features": FEATURES[np.arange(EVERYTHING) % 5]}, {}),
    "constant features": ({"features": np.full((EVERYTHING, WIDTH), 0.1)}, {}),
    "some constant features": ({"features": np.where(np.arange(WIDTH) < 6, 0.1, FEATURES)}, {}),
    "all zero": ({"features": np.zeros((EVERYTHING, WIDTH))}, {}),
    "one feature": ({"features": FEATURES[:, :1]}, {}),
    "more classes than labels": ({"labels": np.array([f"kind {row % 24:02}" for row in range(EVERYTHING)])}, {}),
    "a larger batch than candidates": ({}, {"batch": 20, "initial": 8, "budget": 48, "exclude": IDS[:12].tolist()}),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options": {
        "trainer.temperature": "cross_validated",
        "trainer.class_weight": "balanced",
        "selector.class_balanced": True,
    },
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("case", CASES)
def test_the_default_recipe_asks_for_exactly_its_batch(
    begin: Callable[..., Any], tmp_path: Path, case: str, options: str
) -> None:
    arrays, settings = CASES[case]
    plain = {"ids": IDS, "features": FEATURES.astype(np.float32), "labels": CLASSES, "splits": SPLITS}
    np.savez(tmp_path / "scarce.npz", **(plain | arrays))
    settings = {"batch": 8, "budget": 24} | settings
    excluded = settings.pop("exclude", [])
    overrides = OPTIONS[options] | settings.pop("overrides", {})
    if excluded:
        overrides["selector.exclude"] = excluded
    campaign = begin(recipe="uherding", embeddings=str(tmp_path / "scarce.npz"), overrides=overrides, **settings)
    first = settings.get("initial", settings["batch"])
    asked: list[str] = []
    while campaign.state.phase != "done":
        available = POOL - len(excluded) - len(asked)
        wanted = min(settings["batch"] if asked else first, settings["budget"] - len(asked), available)
        assert campaign.run_cycle().query_size == wanted
        query = table_in(campaign.work.read("query.parquet"))
        assert np.isfinite(query["score"].to_numpy()).all()
        asked += query["sample_id"].to_pylist()
        if asked and campaign.cycle:
            check_model(campaign)
    assert len(set(asked)) == len(asked) == min(settings["budget"], POOL - len(excluded))


def check_model(campaign: Any) -> None:
    """Its figures and its probabilities are numbers."""
    metrics = campaign.work.read("metrics.json")
    json.loads(metrics, parse_constant=lambda name: pytest.fail(f"{name} in the metrics"))
    head = read_head(campaign.work.read("head.safetensors"))
    features = np.concatenate([FEATURES, np.zeros((1, WIDTH)), np.full((1, WIDTH), 1e4)])[:, : head.weight.shape[1]]
    probabilities = head.probabilities(features.astype(np.float16))
    assert np.isfinite(probabilities).all() and np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
