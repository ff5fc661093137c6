"""What a head that is trained together with its backbone begins at, where no earlier cycle has left one.

`prototypes` begins at the logistic regression, drawn to the class prototypes, of the labelled images' features under
the backbone before anything changes it. Random numbers would send gradients through the backbone that have nothing to
do with the classes, until the head has learnt some.

Source: Kumar et al., ICLR 2022 (a probe before fine-tuning keeps the features); methods of `logistic_regression`.
Cost: one forward pass an image, without gradients, then that of `fit_logistic_regression`.
"""

import numpy as np
import torch

from labelcycle.components.core.campaign import Backbone
from labelcycle.components.core.head import EPSILON, LinearHead
from labelcycle.components.core.logistic_head import LogisticHead, standardised
from labelcycle.components.core.trainers import HeadInit, LogisticTrainer
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.fit import Examples
from labelcycle.components.train_adapter.frozen_probe import features_of
from labelcycle.components.train_adapter.logistic_training import Samples, train_on_samples


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
    return prototype_head(Samples(features, training.targets.numpy()), classes)


def prototype_head(samples: Samples, classes: int) -> LinearHead:
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
