"""The trainer `logistic`: logistic regression on the features of the frozen backbone. Needs no torch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.campaign import load_pool
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.logistic_head import LogisticHead, unit_standardised
from labelcycle.components.core.observation import notice
from labelcycle.components.core.spaces import FeatureSpace
from labelcycle.components.core.trainers import LogisticTrainer
from labelcycle.components.train_adapter.feature_moments import Moments, feature_moments
from labelcycle.components.train_adapter.logistic_regression import (
    Doubles,
    Solution,
    balanced_weights,
    fit_logistic_regression,
)
from labelcycle.components.train_adapter.temperature import cross_validated_temperature
from labelcycle.components.train_adapter.trained import Fitted, Trained

Classes = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Samples:
    """Features (N, d) of any float type and class indices (N,), in the order of their ids."""

    features: npt.NDArray[np.floating]
    classes: Classes


def train_logistic(
    work: Attempt, trainer: LogisticTrainer, labelled: dict[str, str], validation: dict[str, str]
) -> Trained:
    """Train the head on the base space, which the pool's own mean and deviation standardise.

    Args:
        work: the attempt.
        trainer: the recipe's settings.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty; it only measures.

    Raises:
        InputError: no labelled sample has features.

    Cost: reads the pool's features once, part by part, and solves: see `fit_logistic_regression`.
    """
    space, classes = FeatureSpace(work.store, work.campaign.base_space), work.campaign.classes
    training = _samples(space, labelled, classes)
    if training is None:
        raise InputError("None of the labelled samples has features: their images cannot be read. Restore the images.")
    pool = load_pool(work.store, work.campaign)
    rows = zip(pool["sample_id"].to_pylist(), pool["split"].to_pylist(), strict=True)
    moments = feature_moments(space.parts(sample_id for sample_id, split in rows if split == "pool"))
    assert moments is not None, "labelled samples are of the pool"
    return train_on_samples(training, _samples(space, validation, classes), len(classes), trainer, moments)


def train_on_samples(
    training: Samples, validation: Samples | None, classes: int, trainer: LogisticTrainer, moments: Moments
) -> Trained:
    """Train on features in memory: the same head for any number of cores.

    Args:
        training: at least one sample.
        validation: the validation split, or None.
        classes: C.
        trainer: the settings.
        moments: mean and deviation of the pool.
    """
    mean, deviation = moments
    vectors = unit_standardised(training.features.astype(np.float64), mean, deviation)
    solution = _solve(vectors, training.classes, classes, trainer)
    if not solution.converged:
        notice(
            f"Logistic regression has not converged in {solution.iterations} iterations. Raise trainer.strength, now "
            f"{trainer.strength:g}."
        )
    temperature = None
    if trainer.temperature == "cross_validated":

        def logits_of(learnt: Doubles, of_learnt: Classes, held: Doubles) -> Doubles:
            found = _solve(learnt, of_learnt, classes, trainer)
            return held @ found.weight.T + _bias(found)

        temperature = cross_validated_temperature(vectors, training.classes, logits_of)
    weight = (solution.weight if temperature is None else solution.weight / temperature).astype(np.float32)
    head = LogisticHead(mean, deviation, weight, _bias(solution).astype(np.float32))
    accuracy = None if validation is None else _accuracy(head, validation)
    return Trained(
        head=head,
        adapter=None,
        fitted=Fitted(solution.iterations, solution.loss, accuracy, temperature),
        examples=len(training.classes),
        trainable_parameters=weight.size,
        total_parameters=weight.size,
    )


def _solve(vectors: Doubles, classes: Classes, count: int, trainer: LogisticTrainer) -> Solution:
    weights = balanced_weights(classes) if trainer.class_weight == "balanced" else None
    return fit_logistic_regression(vectors, classes, count, trainer.strength, trainer.scale, weights)


def _bias(solution: Solution) -> Doubles:
    """0, or -inf for a class without a sample, whose probability is then 0: (C,)."""
    return np.where(solution.present, 0.0, -np.inf)


def _accuracy(head: LogisticHead, samples: Samples) -> float:
    return float((head.logits(samples.features).argmax(axis=1) == samples.classes).mean())


def _samples(space: FeatureSpace, classes_by_id: dict[str, str], classes: list[str]) -> Samples | None:
    """The features of `classes_by_id` with their classes, sorted by id; None where none has features."""
    if not classes_by_id:
        return None
    found, features = space.read(list(classes_by_id))
    number = {name: index for index, name in enumerate(classes)}
    indices = np.array([number[classes_by_id[sample_id]] for sample_id in found], dtype=np.int64)
    return Samples(features, indices) if found else None
