"""The train_adapter stage: what it writes, and that it writes the same again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft.tuners.lora import LoraLayer

from labelcycle.components.core.errors import InputError
from labelcycle.components.train_adapter import feature_training

QUICK_LORA = {"trainer.epochs": 2, "trainer.rank": 2}


def trained(campaign: Any) -> dict[str, bytes]:
    """What the stage wrote, by name within the attempt."""
    work = campaign.work
    record = json.loads(work.store.read(work.key("results/train_adapter.json")))
    return {name: work.read(name) for name in record["objects"]}


def test_linear_facts(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    told = campaign.run_until("train_adapter")
    facts = told.training
    assert facts.space == campaign.state.campaign.base_space and facts.adapter_sha256 is None
    assert (facts.labelled, facts.epochs, facts.validation_accuracy) == (8, 20, None)
    assert facts.trainable_parameters == facts.total_parameters == 8 + 8 + 8 * 3 + 3
    assert trained(campaign).keys() == {"head.safetensors", "training.json"}
    assert campaign.work.read_json("training.json") == facts.as_json() == told.as_record()
    assert told.rows == 8


def test_linear_again_writes_the_same_bytes(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("train_adapter")
    before = campaign.files()
    campaign.forget("train_adapter")
    campaign.run("train_adapter")
    assert campaign.files() == before


def test_what_was_trained_is_not_trained_again(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = begin()
    campaign.run_cycle()
    facts = campaign.run_until("train_adapter")
    before = campaign.files()
    monkeypatch.setattr(feature_training, "train_on_base_space", None)
    assert campaign.run("train_adapter") == facts and campaign.files() == before


def test_results_that_were_damaged_are_trained_again(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.run_until("train_adapter")
    before = campaign.files()
    (head,) = (Path(campaign.root) / campaign.work.key("")).glob("head-*")
    head.write_bytes(b"rotten")
    campaign.run("train_adapter")
    assert campaign.files() == before


def test_another_seed_trains_another_head(begin: Callable[..., Any], tmp_path: Any) -> None:
    heads = []
    for seed in (0, 1):
        campaign = begin(str(tmp_path / str(seed)), seed=seed, budget=48, batch=48)
        campaign.run_cycle()
        campaign.run_until("train_adapter")
        heads.append(trained(campaign)["head.safetensors"])
    assert heads[0] != heads[1]


def test_the_learning_rate_drops(begin: Callable[..., Any]) -> None:
    campaign = begin(overrides={"schedule.learning_rate_drops": [2]})
    campaign.run_cycle()
    rates = []
    for _ in range(2):
        rates.append(campaign.run_until("train_adapter").training.learning_rate)
        for stage in ("embed tuned", "evaluate", "score", "select", "publish"):
            campaign.run(stage)
    assert rates == pytest.approx([0.02, 0.002])


def test_lora_facts(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images(recipe="peal_entropy", overrides=QUICK_LORA)
    campaign.run_cycle()
    facts = campaign.run_until("train_adapter").training
    adapter = 4 * 2 * (192 + 3 * 192)
    head = 192 + 192 + 192 * 3 + 3
    assert facts.trainable_parameters == adapter + head
    assert facts.total_parameters == 1_829_568 + adapter + head
    assert facts.trainable_share == pytest.approx((adapter + head) / facts.total_parameters)
    assert facts.space != campaign.state.campaign.base_space and facts.adapter_sha256
    assert trained(campaign).keys() == {
        "head.safetensors",
        "training.json",
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
    }


def test_no_usable_label_is_refused(begin_on_images: Callable[..., Any], tmp_path: Any) -> None:
    campaign = begin_on_images(labels_from=None, recipe="random", classes=["blue", "green", "red"])
    campaign.run_cycle()
    path = tmp_path / "labels.csv"
    names = "".join(f"{name},,skip\n" for name in _asked(campaign))
    path.write_text("sample_id,label,status\n" + names)
    campaign.ingest(str(path))
    with pytest.raises(InputError, match="every answer was a skip or unsure. Label more samples"):
        campaign.run("train_adapter")


def _asked(campaign: Any) -> list[str]:
    from labelcycle.components.core.campaign.queries import read_query

    names: list[str] = read_query(campaign.work.store, campaign.state.commits[0].objects["query"])[
        "sample_id"
    ].to_pylist()
    return names


@pytest.mark.parametrize(("recipe", "layer"), [("peal_entropy", LoraLayer), ("standard_ft", torch.nn.Linear)])
def test_networks_train_in_the_campaigns_precision(
    begin_on_images: Callable[..., Any], tmp_path: Path, recipe: str, layer: type[torch.nn.Module]
) -> None:
    seen = {}
    for precision in ("float32", "bfloat16"):
        overrides = {"trainer.epochs": 1, "trainer.learning_rate": 1e-3}
        campaign = begin_on_images(str(tmp_path / precision), recipe=recipe, precision=precision, overrides=overrides)
        campaign.run_cycle()
        outputs: set[torch.dtype] = set()

        def record(module: torch.nn.Module, _: Any, output: torch.Tensor, outputs: set[torch.dtype] = outputs) -> None:
            if module.training and isinstance(module, layer):
                outputs.add(output.dtype)

        hook = torch.nn.modules.module.register_module_forward_hook(record)
        try:
            campaign.run_until("train_adapter")
        finally:
            hook.remove()
        seen[precision] = outputs
    assert seen == {"float32": {torch.float32}, "bfloat16": {torch.bfloat16}}
