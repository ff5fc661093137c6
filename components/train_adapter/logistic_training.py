"""The trainer `logistic`: logistic regression on the features of the frozen backbone. Needs no torch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.features.wanted_rows import WantedRows
from labelcycle.components.core.models.heads import LogisticHead, unit_standardised
from labelcycle.components.core.models.text_classifier import read_text_classifier
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.train_adapter.class_names_prior import NamesPrior, names_prior, names_read_on, reads_names
from labelcycle.components.train_adapter.feature_moments import Moments, feature_moments
from labelcycle.components.train_adapter.label_spreading import NeighbourGraph
from labelcycle.components.train_adapter.learning_from_pool import (
    MOST_LABELLED,
    MOST_UNLABELLED,
    taking_part,
    uses_pool,
    worth_of,
)
from labelcycle.components.train_adapter.logistic_regression import (
    Doubles,
    Solution,
    balanced_weights,
    fit_logistic_regression,
)
from labelcycle.components.train_adapter.temperature import cross_validated_temperature
from labelcycle.components.train_adapter.trained import Fitted, Trained

Classes = npt.NDArray[np.integer]


LARGEST = float(np.finfo(np.float32).max)
"""Values of features in double precision that are larger are taken for a mistake."""


@dataclass(frozen=True)
class LabelledFeatures:
    """Features (N, d) of any float type and class indices (N,), in the order of their ids."""

    features: npt.NDArray[np.floating]
    classes: Classes


def train_logistic(
    work: Attempt,
    trainer: LogisticTrainer,
    labelled: dict[str, str],
    validation: dict[str, str],
    most_unlabelled: int = MOST_UNLABELLED,
    most_labelled: int = MOST_LABELLED,
) -> Trained:
    """Train the head on the base space, which the pool's own mean and deviation standardise.

    Args:
        work: the attempt.
        trainer: the recipe's settings.
        labelled: class by id of the samples to train on.
        validation: class by id of the validation split, may be empty; it only measures.
        most_unlabelled: so many unlabelled samples of the pool take part, if the trainer asks for them.
        most_labelled: with more labels than this none does.

    Raises:
        InputError: no labelled sample has features.

    Cost: reads the pool's features once, part by part, and keeps those that take part on the way; solves: see
        `fit_logistic_regression` and, for what takes part, `label_spreading`.
    """
    space, classes = FeatureSpace(work.store, work.campaign.base_space), work.campaign.classes
    ids = ids_of_split(work.store, work.campaign, "pool")
    of_labelled, of_validation, of_unlabelled = WantedRows(labelled), WantedRows(validation), WantedRows(())
    takes_part = uses_pool(trainer, len(labelled), most_labelled)
    if takes_part:
        others = np.array([name for name in ids if name not in labelled], np.str_)
        of_unlabelled = WantedRows(others[taking_part(others, work.campaign.seed, most_unlabelled)].tolist())
    of_named = WantedRows(
        names_read_on(ids, work.campaign.seed) if reads_names(work.campaign.zero_shot, trainer) else ()
    )
    gathered = (of_labelled, of_validation, of_unlabelled, of_named)
    moments = feature_moments(space.parts(ids, gathered))
    for wanted in gathered:
        space.refuse_lost(wanted)
    training = _samples(of_labelled, labelled, classes)
    if training is None or moments is None:
        raise InputError("None of the labelled samples has features: their images cannot be read. Restore the images.")
    unlabelled = of_unlabelled.found()[1] if takes_part else None
    names = None
    if reads_names(work.campaign.zero_shot, trainer):
        classifier = read_text_classifier(work.store, work.campaign.zero_shot)
        names = names_prior(trainer.text_labels, classifier, moments, of_named.found()[1], unlabelled)
    return train_on_samples(
        training, _samples(of_validation, validation, classes), len(classes), trainer, moments, unlabelled, names
    )


def train_on_samples(
    training: LabelledFeatures,
    validation: LabelledFeatures | None,
    classes: int,
    trainer: LogisticTrainer,
    moments: Moments,
    unlabelled: npt.NDArray[np.floating] | None = None,
    names: NamesPrior | None = None,
) -> Trained:
    """Train on features in memory: the same head for any number of cores.

    Args:
        training: at least one sample.
        validation: the validation split, or None.
        classes: C.
        trainer: the settings.
        moments: mean and deviation of the pool.
        unlabelled: features (U, d) of unlabelled samples that take part, in the order of their ids; None for none.
        names: what the names of the classes say of prototypes, and of these unlabelled samples; None for nothing.

    Raises:
        InputError: features that single precision cannot hold, whose spread would overflow.
    """
    mean, deviation = moments
    for features in (training.features, unlabelled):
        if features is not None and features.size:
            _refuse_beyond_single_precision(features)
    vectors = unit_standardised(training.features.astype(np.float64), mean, deviation)
    others = vectors[:0] if unlabelled is None else unit_standardised(unlabelled.astype(np.float64), mean, deviation)
    learner = Learner(vectors, training.classes, classes, trainer, others, names)
    solution = learner.solve(np.arange(len(vectors)))
    if not solution.converged:
        notice(
            f"Logistic regression has not converged in {solution.iterations} iterations. Raise trainer.strength, now "
            f"{trainer.strength:g}."
        )
    temperature = None
    if trainer.temperature == "cross_validated":

        def logits_of(learnt: npt.NDArray[np.int64], held: npt.NDArray[np.int64]) -> Doubles:
            found = learner.solve(learnt)
            return vectors[held] @ found.weight.T + _bias(found)

        temperature = cross_validated_temperature(training.classes, logits_of)
    weight = (solution.weight if temperature is None else solution.weight / temperature).astype(np.float32)
    head = LogisticHead(mean, deviation, weight, _bias(solution).astype(np.float32))
    accuracy = None if validation is None else _accuracy(head, validation)
    took_part = None if trainer.unlabelled == "none" else len(others)
    return Trained(
        head=head,
        adapter=None,
        fitted=Fitted(solution.iterations, solution.loss, accuracy, temperature, took_part),
        examples=len(training.classes),
        trainable_parameters=weight.size,
        total_parameters=weight.size,
    )


def _refuse_beyond_single_precision(features: npt.NDArray[np.floating]) -> None:
    largest = max(float(features.max()), -float(features.min()))
    if largest > LARGEST:
        raise InputError(
            f"The features hold values up to {largest:.1e}, more than the {LARGEST:.1e} that single precision can "
            "hold. Scale them down, for instance by their standard deviation."
        )


class Learner:
    """Solves for labelled samples, or some of them, with what unlabelled samples say about these."""

    def __init__(
        self,
        vectors: Doubles,
        classes: Classes,
        count: int,
        trainer: LogisticTrainer,
        unlabelled: Doubles,
        names: NamesPrior | None = None,
    ) -> None:
        self._vectors, self._classes, self._count, self._trainer = vectors, classes, count, trainer
        self._names = names
        self._everything = np.concatenate([vectors, unlabelled])
        self._graph: NeighbourGraph | None = None
        if len(unlabelled):
            self._graph = NeighbourGraph(self._everything.astype(np.float32), trainer.unlabelled_neighbours)

    def solve(self, rows: npt.NDArray[np.int64]) -> Solution:
        """The weights by these labelled samples."""
        trainer, classes, strength = self._trainer, self._classes[rows], self._trainer.strength_of(len(rows))
        weights = balanced_weights(classes) if trainer.class_weight == "balanced" else np.ones(len(rows))
        if self._graph is not None:
            among = np.arange(len(self._vectors), len(self._everything))
            hints = None if self._names is None else self._names.hints
            found = self._graph.pseudo_labels(rows, classes, among, hints)
            rows, classes = np.concatenate([rows, found.rows]), np.concatenate([classes, found.classes])
            worth = worth_of(found.certainty, float(weights.sum()), self._count, trainer)
            weights = np.concatenate([weights, worth])
        vectors, scale = self._everything[rows], trainer.scale_of(self._count)
        prior = None if self._names is None else self._names.prototypes
        return fit_logistic_regression(vectors, classes, self._count, strength, scale, weights, prior)


def _bias(solution: Solution) -> Doubles:
    """0, or -inf for a class of which nothing is known, whose probability is then 0: (C,)."""
    return np.where(solution.present, 0.0, -np.inf)


def _accuracy(head: LogisticHead, samples: LabelledFeatures) -> float:
    return float((head.logits(samples.features).argmax(axis=1) == samples.classes).mean())


def _samples(wanted: WantedRows, classes_by_id: dict[str, str], classes: list[str]) -> LabelledFeatures | None:
    """The features of `classes_by_id` with their classes, sorted by id; None where none has features."""
    found, features = wanted.found()
    number = {name: index for index, name in enumerate(classes)}
    indices = np.array([number[classes_by_id[sample_id]] for sample_id in found], dtype=np.int64)
    return LabelledFeatures(features, indices) if found else None
