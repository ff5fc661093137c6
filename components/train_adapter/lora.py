"""Parameter-efficient fine-tuning: train LoRA adapters in the attention blocks together with the head, on images."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from labelcycle.components.core.backbones.build import autocast, build_backbone, device, normalise
from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.config.trainers import LoraTrainer
from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.core.runtime.observation import Progress, notice
from labelcycle.components.core.storage.objects import read_object
from labelcycle.components.train_adapter.adapters import adapter_files, add_adapters, first_block, load_adapters
from labelcycle.components.train_adapter.checkpoints import checkpoints_of
from labelcycle.components.train_adapter.fit import Examples, acceleration_for, fit, seed_everything
from labelcycle.components.train_adapter.head_init import initial_head
from labelcycle.components.train_adapter.head_modules import HeadModule, previous_head
from labelcycle.components.train_adapter.in_parallel import PIECE, InParallel
from labelcycle.components.train_adapter.optimisation import ParameterGroups, refuse_divergence
from labelcycle.components.train_adapter.trained import Trained
from labelcycle.components.train_adapter.training_images import campaign_backbone, image_examples, training_images
from labelcycle.components.train_adapter.vision_transformer import FrozenPart, TrainedPart, is_plain

if TYPE_CHECKING:
    from peft import PeftModel

TOKEN_BYTES = 4 << 30
"""Bytes of tokens that are kept between epochs; with more, the frozen part is recomputed in every epoch."""


@dataclass(frozen=True)
class Parts:
    """A network cut where its adapters begin.

    Attributes:
        frozen: images (B, 3, H, W) → tokens; None where the network cannot be cut.
        trained: tokens, or images where nothing is frozen → features (B, d).
    """

    frozen: torch.nn.Module | None
    trained: torch.nn.Module


def train_lora(
    work: Attempt,
    trainer: LoraTrainer,
    labelled: dict[str, str],
    validation: dict[str, str],
    token_bytes: int = TOKEN_BYTES,
) -> Trained:
    """Train adapters and head on the labelled images.

    Args:
        work: the attempt.
        trainer: the recipe's settings.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty.
        token_bytes: of tokens that are kept between epochs; with more, the frozen part is recomputed in every epoch.

    Raises:
        ConfigurationError: the campaign has no images, or the network no such layers or blocks.
        InputError: none of the labelled images can be read.

    Source: PEAL, sections 3.2 and 4.1.
    Cost: of a vision transformer one forward pass an image up to the first block with adapters, and epochs × N forward
    and backward passes from there on; of other networks epochs × N through everything. Each image is decoded once.
    Memory for the pixels, or up to `token_bytes` of tokens.
    """
    campaign = work.campaign
    backbone = campaign_backbone(work)
    seed = seed_for(campaign.seed, work.cycle, "train")
    seed_everything(seed)
    acceleration = acceleration_for(backbone.precision)
    adapted, head = begin(work, backbone, trainer)
    model = adapted.get_base_model()
    training = training_images(work, backbone, labelled)
    classes = len(campaign.classes)
    first = initial_head(trainer.head_init, previous_head(work), model, backbone, training, classes)
    if first is not None:
        head.load(first)
    parts = cut(model, first_block(model, trainer))
    held_out = image_examples(work, backbone, validation)
    kept, kept_out, prepare = inputs(parts, backbone, training, held_out, token_bytes)
    trained = InParallel(parts.trained, autocast(backbone)) if parts.frozen is not None else None
    network = torch.nn.Sequential(trained or parts.trained, head)
    with trained.running() if trained is not None and device().type == "cpu" else nullcontext():
        fitted = fit(
            network,
            prepare,
            kept,
            kept_out,
            trainer,
            campaign.recipe.schedule.learning_rate(trainer.learning_rate, work.cycle),
            seed,
            autocast(backbone),
            groups=_head_apart(head, trainer, work),
            checkpoints=checkpoints_of(work),
            acceleration=acceleration,
        )
    refuse_divergence(network, fitted, trainer, classes)
    whole = [*model.parameters(), *head.parameters()]
    trainable = sum(parameter.numel() for parameter in whole if parameter.requires_grad)
    total = sum(parameter.numel() for parameter in whole)
    files = adapter_files(adapted)
    return Trained(head.export(), files, fitted, len(training.targets), trainable, total)


def _head_apart(head: HeadModule, trainer: LoraTrainer, work: Attempt) -> ParameterGroups:
    """The head's parameters with this cycle's rate of their own; none where they have that of the adapters."""
    if trainer.head_learning_rate is None:
        return []
    rate = work.campaign.recipe.schedule.learning_rate(trainer.head_learning_rate, work.cycle)
    return [(list(head.parameters()), rate)]


def begin(work: Attempt, backbone: Backbone, trainer: LoraTrainer) -> "tuple[PeftModel, HeadModule]":
    """The backbone with adapters, as peft wraps it, and a head of random parameters."""
    adapted = add_adapters(build_backbone(work.store, backbone), trainer)
    previous = work.decision.previous.get("adapter_model")
    if previous is not None and work.campaign.recipe.schedule.warm_start:
        load_adapters(adapted, read_object(work.store, previous))
    return adapted, HeadModule(backbone.width, len(work.campaign.classes), trainer.dropout).to(device())


def cut(model: torch.nn.Module, first: int) -> Parts:
    """The network before and from block number `first`; whole where it is no vision transformer of timm."""
    if not is_plain(model):
        return Parts(None, model)
    return Parts(FrozenPart(model, first), TrainedPart(model, first))


def inputs(
    parts: Parts, backbone: Backbone, training: Examples, validation: Examples | None, token_bytes: int
) -> tuple[Examples, Examples | None, Callable[[torch.Tensor], torch.Tensor]]:
    """What is kept in memory for training and validation, and how a batch of it becomes the trained part's input.

    Where the network can be cut and the tokens fit into `token_bytes`, these are kept, else the pixels are.
    """
    target = device()

    def pixels_to_images(pixels: torch.Tensor) -> torch.Tensor:
        return normalise(pixels.to(target), backbone.transform)

    if parts.frozen is None:
        return training, validation, pixels_to_images
    frozen = parts.frozen.eval()

    def tokens_of(pixels: torch.Tensor) -> torch.Tensor:
        with autocast(backbone):
            result: torch.Tensor = frozen(pixels_to_images(pixels)).float()
        return result

    one = tokens_of(training.inputs[:1])
    images = len(training.targets) + (0 if validation is None else len(validation.targets))
    if images * one.numel() * one.element_size() > token_bytes:
        notice(f"The tokens of {images} images do not fit into {token_bytes >> 20} MiB; each epoch recomputes them.")
        return training, validation, tokens_of
    with Progress("frozen blocks", images, "image") as progress:
        kept = [
            None if examples is None else _tokens(tokens_of, examples, one, progress)
            for examples in (training, validation)
        ]
    assert kept[0] is not None
    return kept[0], kept[1], lambda tokens: tokens.to(target)


def _tokens(
    tokens_of: Callable[[torch.Tensor], torch.Tensor], examples: Examples, one: torch.Tensor, progress: Progress
) -> Examples:
    """The tokens of all examples; on a CPU each core works on images of its own."""
    tokens = torch.empty((len(examples.targets), *one.shape[1:]), dtype=one.dtype)
    on_cpu = device().type == "cpu"

    def fill(rows: torch.Tensor) -> None:
        tokens[rows] = tokens_of(examples.inputs[rows]).cpu()
        progress.advance(len(rows))

    cores = len(os.sched_getaffinity(0)) if on_cpu else 1
    with one_core_a_batch() if on_cpu else nullcontext(), ThreadPoolExecutor(cores) as threads:
        list(threads.map(fill, torch.arange(len(tokens)).split(PIECE if on_cpu else 8 * PIECE)))
    return Examples(tokens, examples.targets)
