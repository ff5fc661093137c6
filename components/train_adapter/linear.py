"""Linear probing: train the head on features of the frozen backbone."""

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.head import LinearHead
from labelcycle.components.core.ordering import seed_for
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.core.trainers import LinearTrainer
from labelcycle.components.train_adapter.fit import Examples, fit, seed_everything
from labelcycle.components.train_adapter.outcome import Trained, begin_head, class_indices, previous_head


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
    space = FeatureSpace(work.store, campaign.base_space)
    training = examples_of_space(space, labelled, campaign.classes)
    if training is None:
        raise InputError("None of the labelled samples has features: their images cannot be read. Restore the images.")
    return train_on_features(
        training,
        examples_of_space(space, validation, campaign.classes),
        len(campaign.classes),
        trainer,
        campaign.recipe.schedule.learning_rate(trainer.learning_rate, work.cycle),
        seed_for(campaign.seed, work.cycle, "train"),
        previous_head(work),
    )


def train_on_features(
    training: Examples,
    validation: Examples | None,
    classes: int,
    trainer: LinearTrainer,
    learning_rate: float,
    seed: int,
    previous: LinearHead | None,
) -> Trained:
    """Train the head on features in memory.

    Args:
        training: features (N, d) and their classes, N ≥ 1, in the order of their ids.
        validation: the same of the validation split, or None.
        classes: C.
        trainer: epochs, batch size, weight decay, dropout.
        learning_rate: this cycle's.
        seed: decides the fresh parameters, dropout and the order of the batches.
        previous: the head to go on from; None begins afresh.
    """
    seed_everything(seed)
    head = begin_head(training.inputs.shape[1], classes, trainer.dropout, previous)
    fitted = fit(head, lambda features: features, training, validation, trainer, learning_rate, seed)
    count = sum(parameter.numel() for parameter in head.parameters())
    return Trained(head.export(), None, fitted, len(training.targets), count, count)


def feature_examples(features: npt.NDArray[np.floating], targets: torch.Tensor) -> Examples:
    """Features (N, d) of any float type, with their class indices (N,), as the trainer takes them."""
    return Examples(torch.from_numpy(features.astype(np.float32)), targets)


def examples_of_space(space: FeatureSpace, classes_by_id: dict[str, str], classes: list[str]) -> Examples | None:
    """The features of `classes_by_id` in a space, with their classes, sorted by id; None where none has features."""
    if not classes_by_id:
        return None
    found, features = space.read(list(classes_by_id))
    if not found:
        return None
    return feature_examples(features, class_indices([classes_by_id[sample_id] for sample_id in found], classes))
