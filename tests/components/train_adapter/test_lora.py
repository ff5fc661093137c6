"""LoRA adapters trained with the head, on images."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from labelcycle.components.core.backbones.build import build_backbone
from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.embed.embedding_network import load_network
from labelcycle.components.train_adapter import lora
from labelcycle.components.train_adapter.adapters import add_adapters, first_block, load_adapters
from labelcycle.components.train_adapter.lora import train_lora
from labelcycle.components.train_adapter.trained import Trained
from labelcycle.components.train_adapter.vision_transformer import FrozenPart

QUICK = {"trainer.epochs": 2, "trainer.rank": 2, "trainer.learning_rate": 0.01}
STILL = LoraTrainer(epochs=1, rank=2, learning_rate=1e-12, weight_decay=0)


@pytest.fixture
def campaign(begin_on_images: Callable[..., Any]) -> Any:
    """A campaign of LoRA whose first query is answered."""
    made = begin_on_images(recipe="peal_entropy", overrides=QUICK)
    made.run_cycle()
    made.ingest()
    return made


def train(
    campaign: Any, trainer: LoraTrainer | None = None, labelled: dict[str, str] | None = None, **more: Any
) -> Trained:
    trainer = trainer or campaign.state.campaign.recipe.trainer
    return train_lora(campaign.work, trainer, labelled or campaign.work.labelled(), {}, **more)


def adapter(trained: Trained) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    assert trained.adapter is not None
    tensors: dict[str, np.ndarray] = load(trained.adapter["adapter_model.safetensors"])  # type: ignore[type-arg]
    return tensors


def test_every_attention_block_has_an_adapter_of_the_rank(campaign: Any) -> None:
    tensors = adapter(train(campaign))
    assert len(tensors) == 2 * 4 and all("qkv.lora_" in name for name in tensors)
    assert {tuple(value.shape) for value in tensors.values()} == {(2, 192), (576, 2)}
    assert all(np.any(value != 0) for value in tensors.values())


def test_two_runs_give_the_same_bytes(campaign: Any) -> None:
    runs = [train(campaign) for _ in range(2)]
    assert runs[0].adapter == runs[1].adapter
    assert runs[0].head.to_bytes() == runs[1].head.to_bytes()


def test_a_warm_start_takes_over_adapter_and_head(campaign: Any) -> None:
    for stage in ("train_adapter", "embed tuned", "evaluate", "score", "select", "publish"):
        campaign.run(stage)
    objects = campaign.state.commits[1].objects
    campaign.ingest()
    trained = train(campaign, STILL)
    previous = load(campaign.work.store.read(objects["adapter_model"].key))
    assert all(np.allclose(value, previous[name], atol=1e-6) for name, value in adapter(trained).items())
    head = load(campaign.work.store.read(objects["head"].key))
    assert np.allclose(trained.head.weight, head["weight"], atol=1e-6)


def test_a_fresh_adapter_begins_at_the_backbone(campaign: Any) -> None:
    tensors = adapter(train(campaign, STILL))
    assert all(np.abs(value).max() < 1e-6 for name, value in tensors.items() if "lora_B" in name)


def test_the_head_can_have_a_rate_of_its_own(campaign: Any) -> None:
    apart = train(campaign, STILL.model_copy(update={"head_learning_rate": 0.1}))
    still = train(campaign, STILL)
    assert all(np.abs(value).max() < 1e-6 for name, value in adapter(apart).items() if "lora_B" in name)
    assert np.abs(apart.head.weight - still.head.weight).max() > 1e-3


def test_one_labelled_image_is_enough(campaign: Any) -> None:
    trained = train(campaign, labelled=dict([next(iter(campaign.work.labelled().items()))]))
    assert trained.examples == 1
    assert all(np.isfinite(value).all() for value in [*adapter(trained).values(), *vars(trained.head).values()])


def test_images_that_broke_are_left_out(
    begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = Path(shutil.copytree(pictures.images, tmp_path / "images"))
    campaign = begin_on_images(recipe="peal_entropy", overrides=QUICK, images=str(images))
    campaign.run_cycle()
    campaign.ingest()
    first, *others = campaign.work.labelled()
    (images / first).unlink()
    assert train(campaign).examples == len(others)
    assert f"Labelled image '{first}'" in capsys.readouterr().err
    for name in others:
        (images / name).unlink()
    with pytest.raises(InputError, match="None of the labelled images can be read"):
        train(campaign)


def test_embeddings_alone_are_refused(begin: Callable[..., Any]) -> None:
    campaign = begin()
    campaign.run_cycle()
    campaign.ingest()
    with pytest.raises(ConfigurationError, match="trains on images, but this campaign has embeddings only"):
        train(campaign, LoraTrainer())


def test_the_settings_reach_the_adapter(campaign: Any) -> None:
    trained = train(campaign, LoraTrainer(epochs=1, rank=3, alpha=7, lora_dropout=0.25, target="proj"))
    assert trained.adapter is not None
    config = trained.adapter["adapter_config.json"].decode()
    assert '"r": 3' in config and '"lora_alpha": 7' in config and '"lora_dropout": 0.25' in config
    assert all(".proj.lora_" in name for name in adapter(trained))


def test_gradients_reach_only_adapters_and_head(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained_names: list[str] = []
    whole = lora.fit

    def watched(network: torch.nn.Module, *arguments: Any, **settings: Any) -> Any:
        trained_names.extend(name for name, parameter in network.named_parameters() if parameter.requires_grad)
        return whole(network, *arguments, **settings)

    monkeypatch.setattr(lora, "fit", watched)
    train(campaign)
    assert {name.split(".")[0] for name in trained_names} == {"0", "1"}
    assert all("lora_" in name for name in trained_names if name.startswith("0."))


def test_the_last_blocks_alone_are_adapted(campaign: Any) -> None:
    trained = train(campaign, LoraTrainer(epochs=1, rank=2, blocks="last:1"))
    assert {name.split(".")[3] for name in adapter(trained)} == {"3"} and len(adapter(trained)) == 2
    whole = train(campaign, LoraTrainer(epochs=1, rank=2))
    assert trained.trainable_parameters < whole.trainable_parameters
    assert whole.total_parameters - trained.total_parameters == 3 * 2 * (192 + 3 * 192)


@pytest.mark.parametrize("blocks", ["all", "last:2"])
def test_recomputed_tokens_train_the_same(campaign: Any, capsys: pytest.CaptureFixture[str], blocks: str) -> None:
    trainer = LoraTrainer(epochs=3, rank=2, batch_size=4, learning_rate=0.01, blocks=blocks)
    kept = train(campaign, trainer)
    recomputed = train(campaign, trainer, token_bytes=0)
    assert "do not fit into 0 MiB" in capsys.readouterr().err
    assert kept.fitted.loss == pytest.approx(recomputed.fitted.loss, rel=1e-4)
    assert all(np.allclose(value, adapter(recomputed)[name], atol=1e-5) for name, value in adapter(kept).items())


def test_frozen_blocks_see_each_image_once(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    whole = FrozenPart.forward

    def counted(part: FrozenPart, images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        result: torch.Tensor = whole(part, images)
        return result

    monkeypatch.setattr(FrozenPart, "forward", counted)
    trained = train(campaign, LoraTrainer(epochs=5, rank=2, blocks="last:2"))
    assert sum(seen) == trained.examples + 1


@pytest.mark.parametrize("blocks", ["all", "last:2"])
def test_embedding_with_pefts_merge_gives_the_trained_features(campaign: Any, blocks: str) -> None:
    work = campaign.work
    trainer = LoraTrainer(epochs=3, rank=2, batch_size=4, learning_rate=0.05, blocks=blocks)
    trained = train(campaign, trainer)
    assert trained.adapter is not None
    for name, data in trained.adapter.items():
        work.write(f"adapter/{name}", data)
    backbone = work.campaign.backbone
    merged, model, base = (
        load_network(work, backbone, adapter=True),
        build_backbone(work.store, backbone),
        build_backbone(work.store, backbone),
    )
    load_adapters(add_adapters(model, trainer), trained.adapter["adapter_model.safetensors"])
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(merged(images), model.eval()(images), atol=1e-4)
        assert not torch.allclose(merged(images), base(images), atol=1e-2)


def test_init_refuses_blocks_that_are_not_there(begin_on_images: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="asks for more blocks than the backbone's 4"):
        begin_on_images(recipe="peal_entropy", overrides=QUICK | {"trainer.blocks": "last:5"})


def test_blocks_that_are_not_there_are_refused(campaign: Any) -> None:
    with pytest.raises(ConfigurationError, match="asks for more blocks than the backbone's 4. Choose up to last:4"):
        train(campaign, LoraTrainer(blocks="last:5"))
    with pytest.raises(ConfigurationError, match=r"is for vision transformers of timm, .* Set trainer.blocks=all"):
        first_block(torch.nn.Sequential(torch.nn.Linear(2, 2)), LoraTrainer(blocks="last:1"))
    with pytest.raises(ConfigurationError, match="no linear layer named 'other'"):
        train(campaign, LoraTrainer(target="other"))


def test_adapters_of_other_layers_are_not_taken_over(campaign: Any) -> None:
    work = campaign.work
    trained = train(campaign, LoraTrainer(epochs=1, rank=2, blocks="last:1"))
    assert trained.adapter is not None
    model = build_backbone(work.store, work.campaign.backbone)
    adapted = add_adapters(model, LoraTrainer(rank=2))
    with pytest.raises(ConfigurationError, match="has other layers or another rank than this one's"):
        load_adapters(adapted, trained.adapter["adapter_model.safetensors"])
