"""What a head that is trained together with its backbone begins at, where no earlier cycle has left one.

`prototypes` begins at the logistic regression, drawn to the class prototypes, of the labelled images' features under
the backbone before anything changes it. Random numbers would send gradients through the backbone that have nothing to
do with the classes, until the head has learnt some. LP-FT begins at a linear layer that is trained on these features.

Source: Kumar et al., ICLR 2022 (a probe before fine-tuning keeps the features); methods of `logistic_regression`.
Cost: one forward pass an image, without gradients, then that of `fit_logistic_regression`.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import torch

from labelcycle.components.core.backbones.build import autocast, device, normalise
from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.config.trainers import HeadInit, LogisticTrainer, ProbeThenFineTuner
from labelcycle.components.core.models.head import EPSILON, LinearHead
from labelcycle.components.core.models.heads import LogisticHead, standardised
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.components.train_adapter.checkpoints import Checkpoints
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.fit import Examples, fit
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples

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
    settings = trainer.model_copy(update={"epochs": trainer.probe_epochs_for(len(training.targets)), "min_steps": None})
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


def initial_head(
    init: HeadInit,
    previous: LinearHead | None,
    model: torch.nn.Module,
    backbone: Backbone,
    training: Examples,
    classes: int,
) -> LinearHead | None:
    """The head that training begins at; None for random parameters, which the module has already.

    Args:
        init: the trainer's setting.
        previous: the head of an earlier cycle, which goes before; None where there is none.
        model: images → features (B, d), left in evaluation mode.
        backbone: its transform and precision.
        training: the labelled images, uint8 pixels, and their classes.
        classes: C.
    """
    if previous is not None or init == "random":
        return previous
    features = features_of(model, backbone, training).inputs.half().numpy()
    return prototype_head(LabelledFeatures(features, training.targets.numpy()), classes)


def prototype_head(samples: LabelledFeatures, classes: int) -> LinearHead:
    """The `logistic` head of these samples as batch normalisation and a linear layer.

    The mean and deviation of the samples themselves are the normalisation's running values. The logistic head divides
    each standardised sample by its length, which a linear layer cannot; here all are divided by one length, the
    harmonic mean of the samples' lengths, which is the nearest factor in least squares to the factors of the samples.
    It multiplies all logits of a sample alike and so leaves its class as it is. A class without a sample, which the
    logistic head rules out, gets the logit of a sample that is the opposite of a prototype, so that it can be learnt.

    Args:
        samples: features float16 (N, d), N ≥ 1, and class indices.
        classes: C.
    """
    moments = feature_moments([np.asarray(samples.features, np.float16)])
    assert moments is not None, "there are samples"
    settings = LogisticTrainer()
    head = train_on_samples(samples, None, classes, settings, moments).head
    assert isinstance(head, LogisticHead)
    mean, deviation = moments
    vectors = standardised(samples.features.astype(np.float64), mean, deviation)
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    nearest = np.mean(1 / lengths[lengths > 0]) if lengths.any() else 1.0
    varies = deviation > 0
    variance = np.where(varies, np.square(deviation, dtype=np.float64), 1.0)
    undone = np.divide(np.sqrt(variance + EPSILON), deviation, out=np.zeros(len(deviation)), where=varies)
    return LinearHead(
        running_mean=mean,
        running_var=variance.astype(np.float32),
        scale=np.ones_like(mean),
        shift=np.zeros_like(mean),
        weight=(head.weight * undone * nearest).astype(np.float32),
        bias=np.where(np.isfinite(head.bias), head.bias, -np.float32(settings.scale_of(classes))),
    )
