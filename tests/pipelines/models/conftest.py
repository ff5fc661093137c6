"""Campaigns with committed models, made once for all tests; those that change one copy it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking.promoting import judge_new_cycles
from labelcycle.pipelines.initialise.begin import CampaignSettings, begin_campaign
from tests.conftest import Bench, Pictures
from tests.frozen_roots import tiny_backbone

QUICK = {"trainer.epochs": 20, "trainer.learning_rate": 0.02}
ON_IMAGES = {"trainer.epochs": 2, "trainer.batch_size": 8}
RECIPES: dict[str, dict[str, Any]] = {
    "linear": {"recipe": "linear_probe", "overrides": QUICK},
    "dropquery": {"recipe": "dropquery", "overrides": {"trainer.epochs": 20}},
    "proxy": {"recipe": "linear_probe", "overrides": {"trainer": {"name": "proxy", "epochs": 20, "hidden": 16}}},
    "logistic": {"recipe": "logistic"},
    "fine-tuned tokens": {
        "recipe": "standard_lp_ft",
        "overrides": {
            **ON_IMAGES,
            "trainer.learning_rate": 0.01,
            "trainer.head_learning_rate": 0.1,
            "embedding.pooling": "cls_mean",
        },
    },
    "lora": {"recipe": "peal_entropy", "overrides": {**ON_IMAGES, "trainer.learning_rate": 0.01}},
    "lora on two tokens": {
        "recipe": "peal_entropy",
        "overrides": {**ON_IMAGES, "trainer.learning_rate": 0.01, "embedding.pooling": "cls_mean"},
    },
    "ft": {
        "recipe": "standard_ft",
        "overrides": {**ON_IMAGES, "trainer.learning_rate": 0.01, "trainer.head_learning_rate": 0.1},
    },
}
"""Settings that make a campaign whose models come from each kind of trainer."""

ON_THE_PACKAGED_NETWORK = {"linear", "lora"}
"""The others are on a network of a few thousand numbers: what torch takes to export one grows with its blocks."""


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory, pictures: Pictures) -> Callable[..., Path]:
    """A function: trainer → the root of a campaign on the pictures that has trained one model with it."""
    made: dict[str, Path] = {}

    def trained(trainer: str, **settings: Any) -> Path:
        if trainer not in made:
            root = tmp_path_factory.mktemp("trained") / "campaign"
            data = {"images": str(pictures.images), "labels_from": str(pictures.labels), "test": str(pictures.test)}
            if trainer not in ON_THE_PACKAGED_NETWORK:
                weights = root.with_name("weights.safetensors")
                weights.write_bytes(tiny_backbone.random_weights())
                data |= {"backbone": tiny_backbone.NAME, "weights": str(weights)}
            begin_campaign(str(root), CampaignSettings(budget=8, batch=8, **data, **RECIPES[trainer], **settings))
            run_to_the_end(str(root))
            made[trainer] = root
        return made[trainer]

    return trained


@pytest.fixture
def trained(trained_once: Callable[..., Path], tmp_path: Path) -> Callable[..., str]:
    """The same, as a copy that a test may change; its model is champion."""

    def copied(trainer: str = "linear") -> str:
        root = tmp_path / f"campaign-{trainer}"
        shutil.copytree(trained_once(trainer), root)
        crown(str(root))
        return str(root)

    return copied


@pytest.fixture(scope="session")
def on_embeddings_once(tmp_path_factory: pytest.TempPathFactory, embeddings: Path) -> Path:
    """The root of a campaign on the embeddings that has trained two models."""
    root = tmp_path_factory.mktemp("trained") / "vectors"
    begin_campaign(
        str(root),
        CampaignSettings(embeddings=str(embeddings), budget=16, batch=8, recipe="linear_probe", overrides=QUICK),
    )
    run_to_the_end(str(root))
    return root


@pytest.fixture
def on_embeddings(on_embeddings_once: Path, tmp_path: Path) -> str:
    """The same, as a copy that a test may change, without a champion."""
    return str(shutil.copytree(on_embeddings_once, tmp_path / "vectors"))


def crown(root: str) -> None:
    """Judge what was trained, as each cycle does where it is recorded."""
    store = open_store(root)
    judge_new_cycles(store, read_state(store))


def run_to_the_end(root: str) -> None:
    """Run cycles until the campaign's budget is spent."""
    campaign = Bench(root)
    while campaign.state.phase != "done":
        campaign.run_cycle()
