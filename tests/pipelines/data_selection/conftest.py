"""Campaigns that select training data, on the tiny embeddings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUICK = {
    "trainer.batch_size": 4,
    "trainer.epochs": 50,
    "trainer.learning_rate": 0.02,
    "data_selection.total_batches": 60,
    "data_selection.measurements": 2,
}


@pytest.fixture
def select_data(begin: Callable[..., Any], text_encoder: Path) -> Callable[..., Any]:
    """A function: settings → a new campaign of the recipe vecaf_linear on the embeddings."""

    def begun(root: str | None = None, **settings: Any) -> Any:
        overrides = QUICK | settings.pop("overrides", {})
        chosen = {"recipe": "vecaf_linear", "batch": 8, "text_encoder": str(text_encoder), **settings}
        return begin(root, overrides=overrides, **chosen)

    return begun


@pytest.fixture
def run_all() -> Callable[[Any], None]:
    """A function that runs every loop of a campaign."""

    def run(campaign: Any) -> None:
        while campaign.state.phase != "done":
            campaign.run_cycle()

    return run
