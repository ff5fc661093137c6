"""Loops that train on their selections, from the weights of the loop before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load

from labelcycle.components.core.storage.objects import read_object
from labelcycle.components.train_adapter import selected_data
from labelcycle.components.train_adapter.batch_budget import SpentBatches
from labelcycle.components.train_adapter.checkpoints import VARIABLE
from labelcycle.components.train_adapter.trained import Fitted

FEW = {
    "trainer.epochs": 1,
    "trainer.batch_size": 4,
    "trainer.learning_rate": 0.01,
    "data_selection.total_batches": 3,
    "data_selection.augmentation": "none",
    "selector.strategy": "random",
    "cold_start.strategy": "random",
}


@pytest.fixture
def fine_tuning(begin_on_small_network: Callable[..., Any]) -> Any:
    """A campaign of the recipe vecaf on the pictures, without captions and with few batches."""
    return begin_on_small_network(recipe="vecaf", batch=4, overrides=FEW)


def test_a_backbone_goes_on_from_the_loop_before(fine_tuning: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fine_tuning.run_cycle()
    fine_tuning.run_cycle()
    first = fine_tuning.work.read_json("training.json")
    assert first["weights"]["sha256"] != fine_tuning.state.campaign.backbone.weights.sha256
    assert [point["batches"] for point in fine_tuning.work.read_json("metrics.json")["batch_points"]] == [1]
    monkeypatch.setattr(selected_data, "spend", lambda *settings, **more: SpentBatches(Fitted(1, 0.0, None), {}))
    fine_tuning.run_until("train_adapter")
    second = fine_tuning.work.read_json("training.json")
    assert second["weights"]["sha256"] == first["weights"]["sha256"]
    assert second["labelled"] == 4


def test_a_backbone_is_measured_within_its_loop_on_some_of_the_test_set(
    begin_on_small_network: Callable[..., Any],
) -> None:
    settings = FEW | {"data_selection.total_batches": 6, "data_selection.measured_samples": 5}
    campaign = begin_on_small_network(recipe="vecaf", batch=4, overrides=settings)
    campaign.run_cycle()
    campaign.run_cycle()
    points = campaign.work.read_json("metrics.json")["batch_points"]
    assert [(point["batches"], point.get("test_samples")) for point in points] == [(1, 5), (2, None)]


def test_a_backbone_is_tuned_on_augmented_features(
    begin_on_small_network: Callable[..., Any], text_encoder: Path, tmp_path: Path
) -> None:
    losses = []
    for step in (0.0, 0.9):
        settings = FEW | {"data_selection.train_augmented": True, "data_selection.text_step": step}
        encoder = {"text_encoder": str(text_encoder)} if step else {}
        campaign = begin_on_small_network(
            str(tmp_path / str(step)), recipe="vecaf", batch=4, overrides=settings, **encoder
        )
        campaign.run_cycle()
        campaign.run_until("train_adapter")
        losses.append(campaign.work.read_json("training.json")["loss"])
    assert losses[0] != losses[1]


def test_a_head_goes_on_from_the_loop_before(
    begin: Callable[..., Any], text_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin(recipe="vecaf_linear", batch=8, text_encoder=str(text_encoder))
    campaign.run_cycle()
    campaign.run_cycle()
    first = campaign.work.read("head.safetensors")
    monkeypatch.setattr(selected_data, "spend", lambda *settings, **more: SpentBatches(Fitted(1, 0.0, None), {}))
    campaign.run_until("train_adapter")
    assert campaign.work.read("head.safetensors") == first


@pytest.mark.parametrize("kind", ["head", "backbone"])
def test_an_optimiser_goes_on_from_the_loop_before(
    kind: str, request: pytest.FixtureRequest, text_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state that a loop is given is the one that the commit of the loop before names."""
    if kind == "head":
        campaign = request.getfixturevalue("begin")(recipe="vecaf_linear", batch=8, text_encoder=str(text_encoder))
    else:
        campaign = request.getfixturevalue("fine_tuning")
    given: list[Any] = []
    real = selected_data.spend
    monkeypatch.setattr(
        selected_data, "spend", lambda *args, **more: given.append(more["optimiser_before"]) or real(*args, **more)
    )
    campaign.run_cycle()
    campaign.run_cycle()
    left = load(read_object(campaign.work.store, campaign.state.commits[1].objects["optimiser"]))
    campaign.run_until("train_adapter")
    assert given[0] is None and given[1].keys() == left.keys() and len(left) >= 4
    assert all(torch.equal(given[1][name], left[name]) for name in left)


class Killed(Exception):
    """What ends a training in the middle."""


def test_killed_in_the_middle_of_a_loop_it_goes_on(
    begin: Callable[..., Any], text_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"data_selection.total_batches": 60, "trainer.batch_size": 4}
    campaign = begin(recipe="vecaf_linear", batch=8, text_encoder=str(text_encoder), overrides=few)
    campaign.run_cycle()
    campaign.run_cycle()
    campaign.run_until("embed base")
    head, batches = selected_data.begin_head, 0

    def counted(kill_at: int | None) -> Callable[..., Any]:
        def begun(*args: Any) -> Any:
            def count(*_: Any) -> None:
                nonlocal batches
                batches += module.training
                if batches == kill_at:
                    raise Killed

            module = head(*args)
            module.register_forward_pre_hook(count)
            return module

        return begun

    def results() -> dict[str, bytes]:
        return {key: data for key, data in campaign.files().items() if not key.endswith("checkpoint.safetensors")}

    monkeypatch.setattr(selected_data, "begin_head", counted(None))
    campaign.run("train_adapter")
    undisturbed, whole = results(), batches
    assert whole == 20 and any("/heads/" in key for key in undisturbed)
    for key in undisturbed:
        if key.startswith(campaign.work.key("")) and not key.endswith(("decision.json", "query.parquet")):
            (Path(campaign.root) / key).unlink()
    monkeypatch.setenv(VARIABLE, "0")
    monkeypatch.setattr(selected_data, "begin_head", counted(whole + 11))
    with pytest.raises(Killed):
        campaign.run("train_adapter")
    batches = 0
    campaign.run("train_adapter")
    assert batches == 20 - 10
    assert results() == undisturbed
