"""Fine-tuning: train the whole backbone and a linear layer on images, at once (FT) or after linear probing (LP-FT)."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save as save_tensors

from labelcycle.components.core.backbones.build import autocast, build_backbone, device, normalise
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.config.trainers import FineTuner, ProbeThenFineTuner
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.train_adapter.checkpoints import NAME, checkpoints_of
from labelcycle.components.train_adapter.fit import acceleration_for, fit, seed_everything
from labelcycle.components.train_adapter.head_init import initial_head, probe
from labelcycle.components.train_adapter.head_modules import linear_layer, plain_head
from labelcycle.components.train_adapter.in_parallel import InParallel
from labelcycle.components.train_adapter.optimisation import refuse_divergence
from labelcycle.components.train_adapter.trained import Trained
from labelcycle.components.train_adapter.training_images import image_examples, training_images
from labelcycle.components.train_adapter.vision_transformer import takes_samples_apart

if TYPE_CHECKING:
    from labelcycle.components.train_adapter.trained import Trained


def fine_tune(
    work: Attempt,
    backbone: Backbone,
    trainer: FineTuner,
    labelled: dict[str, str],
    validation: dict[str, str],
    seed: int,
    head: LinearHead | None = None,
    group: str = "trainer",
) -> Trained:
    """Train every weight of `backbone` and a linear layer on the labelled images.

    Dropout and batch normalisation of the backbone work as in training. Where the trainer is a `ProbeThenFineTuner`,
    the linear layer is first trained alone on the features of `backbone` as it is. On a CPU a vision transformer takes
    its batches in pieces, a core each, so that the weights are the same for any number of cores; other networks share
    each batch among the cores, and their weights' last bits depend on how many there are.

    Args:
        work: the attempt; nothing is written into it but checkpoints.
        backbone: the network and the weights to begin from.
        trainer: `learning_rate` is the backbone's, `head_learning_rate` the linear layer's.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty; with it the best epoch is kept.
        seed: decides the fresh linear layer, dropout and the order of the batches.
        head: the head to begin from, its normalisation folded into the layer; None begins as `head_init` says.
        group: what the recipe calls these settings, such as `alignment.trainer`; checkpoints and messages say so too.

    Returns:
        The linear layer as a head, and the weights of the whole backbone under its own names, as safetensors.

    Raises:
        ConfigurationError: training diverged.
        InputError: none of the labelled images can be read.

    Source: Wen et al., ASVP, sections 3 and 6.1, appendix A.
    Cost: epochs × N forward and backward passes through everything. Memory for the decoded images, the network, its
    gradients, those of a piece for each core, and the optimiser's state.
    """
    seed_everything(seed)
    acceleration = acceleration_for(backbone.precision)
    model = build_backbone(work.store, backbone).requires_grad_(True)
    classes = len(work.campaign.classes)
    training = training_images(work, backbone, labelled)
    head = initial_head(trainer.head_init, head, model, backbone, training, classes)
    linear = torch.nn.Linear(backbone.width, classes) if head is None else linear_layer(head)
    linear = linear.to(device())
    held_out = image_examples(work, backbone, validation)
    if isinstance(trainer, ProbeThenFineTuner):
        probing = checkpoints_of(work, f"{group}.probe.{NAME}")
        probe(model, linear, backbone, trainer, training, held_out, seed, probing)
    pieces = InParallel(model, autocast(backbone)) if takes_samples_apart(model) else None
    network = torch.nn.Sequential(pieces or model, linear)
    with pieces.running() if pieces is not None and device().type == "cpu" else nullcontext():
        fitted = fit(
            network,
            lambda pixels: normalise(pixels.to(device()), backbone.transform),
            training,
            held_out,
            trainer,
            trainer.learning_rate,
            seed,
            autocast(backbone),
            groups=[(list(linear.parameters()), trainer.head_learning_rate)],
            checkpoints=checkpoints_of(work, f"{group}.{NAME}"),
            acceleration=acceleration,
        )
    refuse_divergence(network, fitted, trainer, classes, group)
    count = sum(parameter.numel() for parameter in network.parameters())
    weights = save_tensors({name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()})
    return Trained(plain_head(linear), None, fitted, len(training.targets), count, count, weights)
