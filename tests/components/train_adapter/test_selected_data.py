"""Loops that train on their selections, from the weights of the loop before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.train_adapter import selected_data
from labelcycle.components.train_adapter.fit import Fitted


@pytest.fixture
def fine_tuning(begin_on_images: Callable[..., Any]) -> Any:
    """A campaign of the recipe vecaf on the pictures, without captions and with few batches."""
    few = {
        "trainer.epochs": 1,
        "trainer.batch_size": 4,
        "trainer.learning_rate": 0.01,
        "data_selection.total_batches": 3,
        "data_selection.augmentation": "none",
        "selector.strategy": "random",
        "cold_start.strategy": "random",
    }
    return begin_on_images(recipe="vecaf", batch=4, overrides=few)


def test_a_backbone_goes_on_from_the_loop_before(fine_tuning: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fine_tuning.run_cycle()
    fine_tuning.run_cycle()
    first = fine_tuning.work.read_json("training.json")
    assert first["weights"]["sha256"] != fine_tuning.state.campaign.backbone.weights.sha256
    assert [point["batches"] for point in fine_tuning.work.read_json("metrics.json")["batch_points"]] == [1]
    monkeypatch.setattr(selected_data, "spend", lambda *settings, **more: Fitted(1, 0.0, None))
    fine_tuning.run_until("train_adapter")
    second = fine_tuning.work.read_json("training.json")
    assert second["weights"]["sha256"] == first["weights"]["sha256"]
    assert second["labelled"] == 4


def test_a_head_goes_on_from_the_loop_before(
    begin: Callable[..., Any], text_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin(recipe="vecaf_linear", batch=8, text_encoder=str(text_encoder))
    campaign.run_cycle()
    campaign.run_cycle()
    first = campaign.work.read("head.safetensors")
    monkeypatch.setattr(selected_data, "spend", lambda *settings, **more: Fitted(1, 0.0, None))
    campaign.run_until("train_adapter")
    assert campaign.work.read("head.safetensors") == first
