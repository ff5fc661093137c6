"""Linear probing: train the head on features of the frozen backbone."""

import numpy as np
import torch

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.ordering import seed_for
from labelcycle.components.core.recipe import LinearTrainer
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.train_adapter.fit import Examples, fit, seed_everything
from labelcycle.components.train_adapter.outcome import Trained, class_indices, warm_head


def train_linear(
    work: Attempt, trainer: LinearTrainer, labelled: dict[str, str], validation: dict[str, str]
) -> Trained:
    """Train the head on the base space.

    Args:
        work: the attempt.
        trainer: the recipe's settings.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty.

    Source: PEAL, section 3.1.
    Cost: epochs × N × d × C; seconds for tens of thousands of samples.
    """
    campaign = work.campaign
    seed = seed_for(campaign.seed, work.cycle, "train")
    seed_everything(seed)
    space = FeatureSpace(work.store, campaign.base_space)
    training = _examples(space, labelled, campaign.classes)
    if training is None:
        raise InputError("None of the labelled samples has features: their images cannot be read. Restore the images.")
    head = warm_head(work, width=training.inputs.shape[1], dropout=trainer.dropout)
    fitted = fit(
        head,
        lambda features: features,
        training,
        _examples(space, validation, campaign.classes),
        trainer,
        campaign.recipe.schedule.learning_rate(trainer.learning_rate, work.cycle),
        seed,
    )
    count = sum(parameter.numel() for parameter in head.parameters())
    return Trained(head.export(), None, fitted, len(training.targets), count, count)


def _examples(space: FeatureSpace, classes_by_id: dict[str, str], classes: list[str]) -> Examples | None:
    if not classes_by_id:
        return None
    found, features = space.read(list(classes_by_id))
    if not found:
        return None
    targets = class_indices([classes_by_id[sample_id] for sample_id in found], classes)
    return Examples(torch.from_numpy(features.astype(np.float32)), targets)
