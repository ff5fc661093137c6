"""Training in epochs on features of the frozen backbone: a linear head, DropQuery's head or the proxy."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.core.backbones.one_core import one_core_a_batch
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.config.trainers import DropQueryTrainer, EpochTrainer, ProxyTrainer
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.ordering import seed_for
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.heads import Head, ProxyHead
from labelcycle.components.train_adapter.checkpoints import Checkpoints, checkpoints_of
from labelcycle.components.train_adapter.fit import Examples, fit, seed_everything
from labelcycle.components.train_adapter.head_modules import (
    DropQueryModule,
    HeadModule,
    ProxyModule,
    begin_head,
    class_indices,
    previous_feature_head,
)
from labelcycle.components.train_adapter.learning_from_pool import taking_part, uses_pool
from labelcycle.components.train_adapter.pseudo_labelled import with_pseudo_labels
from labelcycle.components.train_adapter.trained import Trained

FeatureModule = HeadModule | DropQueryModule | ProxyModule


def train_on_base_space(
    work: Attempt, trainer: EpochTrainer, labelled: dict[str, str], validation: dict[str, str]
) -> Trained:
    """Train the head on the base space.

    Args:
        work: the attempt.
        trainer: the recipe's settings.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty.

    Raises:
        InputError: no labelled sample has features.

    Source: PEAL, section 3.1; DropQuery, section 4; ASVP, section 6.1.
    Cost: epochs × N × d × C, for the proxy × (d + C) times its width; seconds for tens of thousands of samples.
    """
    campaign = work.campaign
    space = FeatureSpace(work.store, campaign.base_space)
    training, held_out = examples_of_space(space, labelled, validation, classes=campaign.classes)
    unlabelled = None
    if isinstance(trainer, DropQueryTrainer) and uses_pool(trainer, len(labelled)):
        ids = ids_of_split(work.store, campaign, "pool")
        others = np.array([name for name in ids if name not in labelled], np.str_)
        _, unlabelled = space.read(others[taking_part(others, campaign.seed)].tolist())
    if training is None:
        raise InputError("None of the labelled samples has features: their images cannot be read. Restore the images.")
    return train_on_features(
        training,
        held_out,
        len(campaign.classes),
        trainer,
        campaign.recipe.schedule.learning_rate(trainer.learning_rate, work.cycle),
        seed_for(campaign.seed, work.cycle, "train"),
        previous_feature_head(work),
        checkpoints_of(work),
        unlabelled,
    )


def train_on_features(
    training: Examples,
    validation: Examples | None,
    classes: int,
    trainer: EpochTrainer,
    learning_rate: float,
    seed: int,
    previous: Head | None,
    checkpoints: Checkpoints | None = None,
    unlabelled: npt.NDArray[np.floating] | None = None,
) -> Trained:
    """Train a head of the trainer's kind on features in memory, on one core: the same head for any number of cores.

    Args:
        training: features (N, d) and their classes, N ≥ 1, in the order of their ids.
        validation: the same of the validation split, or None.
        classes: C.
        trainer: which head, and how it is trained.
        learning_rate: this cycle's.
        seed: decides the fresh parameters, dropout and the order of the batches.
        previous: the head of the same trainer to go on from; None begins afresh.
        checkpoints: where the state of a long training is kept.
        unlabelled: features (U, d) of samples without a label that a `DropQueryTrainer` learns from too, in the order
            of their ids; None for none.
    """
    count = len(training.targets)
    took_part = None
    if isinstance(trainer, DropQueryTrainer) and trainer.unlabelled == "spread":
        took_part = 0
        if unlabelled is not None and len(unlabelled):
            took_part, training = len(unlabelled), with_pseudo_labels(training, unlabelled, classes, trainer)
    seed_everything(seed)
    module = _begin(trainer, training.inputs.shape[1], classes, previous)
    with one_core_a_batch():
        fitted = fit(
            module,
            lambda features: features,
            training,
            validation,
            trainer,
            learning_rate,
            seed,
            checkpoints=checkpoints,
        )
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return Trained(module.export(), None, replace(fitted, unlabelled=took_part), count, parameters, parameters)


def _begin(trainer: EpochTrainer, width: int, classes: int, previous: Head | None) -> FeatureModule:
    """The trainer's module with the parameters of `previous`, or fresh ones, which depend on torch's seed."""
    if isinstance(trainer, ProxyTrainer):
        assert previous is None or isinstance(previous, ProxyHead)
        proxy = ProxyModule(width, classes, trainer.hidden or width)
        if previous is not None:
            proxy.load(previous)
        return proxy
    assert previous is None or isinstance(previous, LinearHead)
    if isinstance(trainer, DropQueryTrainer):
        module = DropQueryModule(width, classes, trainer.dropout)
        if previous is not None:
            module.load(previous)
        return module
    return begin_head(width, classes, trainer.dropout, previous)


def feature_examples(features: npt.NDArray[np.floating], targets: torch.Tensor) -> Examples:
    """Features (N, d) of any float type, with their class indices (N,), as the trainer takes them."""
    return Examples(torch.from_numpy(features.astype(np.float32)), targets)


def examples_of_space(space: FeatureSpace, *groups: dict[str, str], classes: list[str]) -> list[Examples | None]:
    """Examples of each group in a space, sorted by id; None for a group none of which has features.

    Args:
        space: the feature space.
        groups: class by id.
        classes: of the campaign.

    Cost: reads the parts of the space that hold one of them, each once.
    """
    if not any(groups):
        return [None for _ in groups]
    return [
        feature_examples(features, class_indices([group[name] for name in found], classes)) if found else None
        for group, (found, features) in zip(groups, space.read_together(groups), strict=True)
    ]
