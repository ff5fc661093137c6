"""The linear layer that LP-FT fine-tunes from: trained on the features of the backbone before anything changes it."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import torch

from labelcycle.components.core.backbones.build import autocast, device
from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.core.backbones.transform import normalise
from labelcycle.components.core.campaign import Backbone
from labelcycle.components.core.observation import Progress
from labelcycle.components.core.trainers import ProbeThenFineTuner
from labelcycle.components.train_adapter.checkpoints import Checkpoints
from labelcycle.components.train_adapter.fit import Examples, fit

BATCH = 64


def probe(
    model: torch.nn.Module,
    linear: torch.nn.Linear,
    backbone: Backbone,
    trainer: ProbeThenFineTuner,
    training: Examples,
    validation: Examples | None,
    seed: int,
    checkpoints: Checkpoints | None = None,
) -> None:
    """Train `linear` on the features that `model` gives now.

    Args:
        model: images (B, 3, H, W) → features (B, d); it stays as it is.
        linear: d → C; trained in place, from the parameters that it has.
        backbone: the transform and the precision.
        trainer: `probe_epochs`, `probe_learning_rate`, and the settings that probing shares with fine-tuning.
        training: uint8 pixels and their classes.
        validation: the same of the validation split, or None.
        seed: decides the order of the batches.
        checkpoints: where the state of a long training is kept. The features are computed again when it goes on.

    Source: Wen et al., ASVP, section 3 and appendix A (LP-FT).
    Cost: one forward pass an image, once, without gradients; then probe_epochs × N × d × C.
    """
    settings = trainer.model_copy(update={"epochs": trainer.probe_epochs})
    examples = features_of(model, backbone, training)
    held_out = None if validation is None else features_of(model, backbone, validation)
    with one_core_a_batch():
        fit(
            linear,
            lambda features: features.to(device()),
            examples,
            held_out,
            settings,
            trainer.probe_learning_rate,
            seed,
            checkpoints=checkpoints,
        )


def features_of(model: torch.nn.Module, backbone: Backbone, images: Examples) -> Examples:
    """The features that `model` gives for `images` (uint8): float32 (N, d), with the same classes.

    On a CPU each core takes batches of its own, so that features are the same for any number of cores.
    """
    model.eval()
    on_cpu = device().type == "cpu"

    def forward(pixels: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), autocast(backbone):
            features: torch.Tensor = model(normalise(pixels.to(device()), backbone.transform)).float().cpu()
        progress.advance(len(pixels))
        return features

    cores = len(os.sched_getaffinity(0)) if on_cpu else 1
    with (
        Progress("features", len(images.inputs), "image") as progress,
        one_core_a_batch() if on_cpu else nullcontext(),
        ThreadPoolExecutor(cores) as threads,
    ):
        return Examples(torch.cat(list(threads.map(forward, images.inputs.split(BATCH)))), images.targets)
