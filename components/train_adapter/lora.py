"""Parameter-efficient fine-tuning: train LoRA adapters in the attention blocks together with the head, on images."""

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.backbones.build import attach_adapter, autocast, build_backbone, device
from labelcycle.components.core.backbones.transform import normalise
from labelcycle.components.core.campaign import Backbone
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.core.objects import read_object
from labelcycle.components.core.ordering import seed_for
from labelcycle.components.core.trainers import LoraTrainer
from labelcycle.components.train_adapter.fit import fit, seed_everything
from labelcycle.components.train_adapter.images import campaign_backbone, image_examples, training_images
from labelcycle.components.train_adapter.outcome import Trained, warm_head

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


def train_lora(work: Attempt, trainer: LoraTrainer, labelled: dict[str, str], validation: dict[str, str]) -> Trained:
    """Train adapters and head on the labelled images.

    Args:
        work: the attempt.
        trainer: the recipe's settings.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty.

    Source: PEAL, sections 3.2 and 4.1.
    Cost: epochs × N forward and backward passes. Each image is read and decoded once and kept as uint8 pixels.
    """
    campaign = work.campaign
    backbone = campaign_backbone(work)
    seed = seed_for(campaign.seed, work.cycle, "train")
    seed_everything(seed)
    model = _adapted_backbone(work, backbone, trainer)
    head = warm_head(work, backbone.width, trainer.dropout)
    network = torch.nn.Sequential(model, head).to(device())
    training = training_images(work, backbone, labelled)
    fitted = fit(
        network,
        lambda pixels: normalise(pixels.to(device()), backbone.transform),
        training,
        image_examples(work, backbone, validation),
        trainer,
        campaign.recipe.schedule.learning_rate(trainer.learning_rate, work.cycle),
        seed,
        autocast(backbone),
    )
    trainable = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    total = sum(parameter.numel() for parameter in network.parameters())
    return Trained(head.export(), _adapter_files(model), fitted, len(training.targets), trainable, total)


def _adapted_backbone(work: Attempt, backbone: Backbone, trainer: LoraTrainer) -> torch.nn.Module:
    """The backbone with trainable adapters: the last cycle's if the schedule says so, else fresh ones."""
    model = build_backbone(work.store, backbone)
    previous = {name: work.decision.previous.get(Path(name).stem) for name in ADAPTER_FILES}
    if work.campaign.recipe.schedule.warm_start and all(previous.values()):
        with tempfile.TemporaryDirectory() as folder:
            for name, reference in previous.items():
                assert reference is not None
                (Path(folder) / name).write_bytes(read_object(work.store, reference))
            return attach_adapter(model, Path(folder), trainable=True)
    config = LoraConfig(
        r=trainer.rank,
        lora_alpha=trainer.alpha,
        lora_dropout=trainer.lora_dropout,
        target_modules=rf".*\.{trainer.target}",
    )
    adapted: torch.nn.Module = get_peft_model(model, config)
    return adapted


def _adapter_files(model: Any) -> dict[str, bytes]:
    """The adapter as peft saves it, its JSON brought into one order so that equal adapters have equal bytes."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder, safe_serialization=True)
        config, tensors = ((Path(folder) / name).read_bytes() for name in ADAPTER_FILES)
    return {ADAPTER_FILES[0]: canonical_json(json.loads(config)), ADAPTER_FILES[1]: tensors}
