"""Labelled samples together with those that labels were spread to, for trainers that learn in epochs."""

import numpy as np
import numpy.typing as npt
import torch

from labelcycle.components.core.config.trainers import DropQueryTrainer
from labelcycle.components.core.models.heads import unit_standardised
from labelcycle.components.train_adapter.fit import Examples, balanced_weights
from labelcycle.components.train_adapter.label_spreading import NeighbourGraph
from labelcycle.components.train_adapter.learning_from_pool import worth_of


def with_pseudo_labels(
    training: Examples, unlabelled: npt.NDArray[np.floating], classes: int, trainer: DropQueryTrainer
) -> Examples:
    """The labelled samples and, after them, the unlabelled ones that labels reach, each with what it counts.

    The graph is one of features that are standardised by the mean and the deviation of all that take part, and of unit
    length, as it is for logistic regression.

    Args:
        training: features (N, d) and their classes, N ≥ 1.
        unlabelled: features (U, d), U ≥ 1, of any float type.
        classes: C.
        trainer: how many neighbours, the limits of what pseudo-labels count, and class weights, which are for labels
            alone.

    Source: Gupte et al., Revisiting Active Learning in the Era of Vision Foundation Models, TMLR 2024 (500 neighbours,
        0.9 from them); what a pseudo-label counts is not the study's, but that of `LearnsFromPool`.
    Cost: that of `label_spreading`.
    """
    everything = np.concatenate([training.inputs.numpy(), unlabelled.astype(np.float32)])
    doubles = everything.astype(np.float64)
    mean, deviation = (moment.astype(np.float32) for moment in (doubles.mean(axis=0), doubles.std(axis=0)))
    points = unit_standardised(doubles, mean, deviation).astype(np.float32)
    count = len(training.targets)
    graph = NeighbourGraph(points, trainer.unlabelled_neighbours)
    found = graph.pseudo_labels(np.arange(count), training.targets.numpy(), np.arange(count, len(points)))
    weights = np.ones(count)
    if trainer.class_weight == "balanced":
        weights = balanced_weights(training.targets).numpy().astype(np.float64)
    weights = np.concatenate([weights, worth_of(found.certainty, float(weights.sum()), classes, trainer)])
    return Examples(
        torch.cat([training.inputs, torch.from_numpy(everything[found.rows])]),
        torch.cat([training.targets, torch.from_numpy(found.classes)]),
        torch.from_numpy((weights * (len(weights) / weights.sum())).astype(np.float32)),
    )
