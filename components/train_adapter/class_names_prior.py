"""What the names of classes say about their prototypes and about unlabelled samples, in the measure of labels.

Texts live where the backbone compares them with images, prototypes among standardised features. Samples of the pool,
which are in both places, carry one to the other: m_c = Σᵢ p(c | xᵢ) zᵢ / Σᵢ p(c | xᵢ), p by the texts alone. Where
texts tell classes apart badly, the means are short, and so count for little beside labels. Where labels are spread over
a graph of neighbours, what a name counts is shared out in the same way, as hints among the samples.

Source: the mean under a soft assignment as in Ren et al., Semi-Supervised Few-Shot Classification, ICLR 2018, section
    3.1.1, with the probabilities of a zero-shot classifier (Radford et al., CLIP, ICML 2021) in the place of distances.
Cost: at most 10,000 samples: as many times t·(d + C) + d·C multiply-adds on one core.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.config.zero_shot import ZeroShot
from labelcycle.components.core.features.blocks import one_thread_products
from labelcycle.components.core.features.ordering import sampled
from labelcycle.components.core.models.heads import unit_standardised
from labelcycle.components.core.models.text_classifier import TextClassifier
from labelcycle.components.train_adapter.feature_moments import Moments

MOST_READ = 10_000
"""Samples of the pool that the names are read on."""


@dataclass(frozen=True)
class NamesPrior:
    """What the names say before any label.

    Attributes:
        prototypes: float64 (C, d), what the sum of each class's vectors begins with.
        hints: float32 (U, C), what each unlabelled sample that takes part is thought to be, in labels; None where none
            takes part. Each class has as much in all.
    """

    prototypes: npt.NDArray[np.float64]
    hints: npt.NDArray[np.float32] | None


def names_prior(
    labels: float,
    classifier: TextClassifier,
    moments: Moments,
    read_on: npt.NDArray[np.floating],
    unlabelled: npt.NDArray[np.floating] | None,
) -> NamesPrior:
    """What the names say, where each counts as so many labels.

    Args:
        labels: `trainer.text_labels`.
        classifier: by the names of the classes.
        moments: mean and deviation of the pool.
        read_on: features (N, d) of a sample of the pool, in the order of their ids.
        unlabelled: features (U, d) of the samples that labels are spread over; None for none.
    """
    prototypes = labels * named_means(read_on, classifier, moments)
    if unlabelled is None:
        return NamesPrior(prototypes, None)
    shares = classifier.probabilities(unlabelled)
    total = shares.sum(axis=0, dtype=np.float64)
    hints = np.divide(labels * shares, total, out=np.zeros(shares.shape), where=total > 0)
    return NamesPrior(prototypes, hints.astype(np.float32))


def reads_names(zero_shot: ZeroShot | None, trainer: LogisticTrainer) -> TypeGuard[ZeroShot]:
    """Whether training looks at the names of the classes."""
    return zero_shot is not None and trainer.text_labels > 0


def names_read_on(ids: Sequence[str], seed: int, most: int = MOST_READ) -> list[str]:
    """A random sample of the pool, the same in every cycle."""
    names = np.array(ids, np.str_)
    found: list[str] = names[sampled(names, most, seed, "samples that class names are read on")].tolist()
    return found


def named_means(
    features: npt.NDArray[np.floating], classifier: TextClassifier, moments: Moments
) -> npt.NDArray[np.float64]:
    """The mean of each class by its name, among standardised features of unit length: (N, d) → float64 (C, d).

    Its length is 1 where all samples of the class are alike, and near 0 where its name says nothing; that of a class
    that no sample can be of is 0.

    Args:
        features: of samples of the pool, of any float type, in the order of their ids.
        classifier: by the names of the classes.
        moments: mean and deviation of the pool.
    """
    shares = classifier.probabilities(features).astype(np.float64)
    vectors = unit_standardised(features.astype(np.float64), *moments)
    total = shares.sum(axis=0)[:, None]
    with one_thread_products():
        sums = shares.T @ vectors
    means: npt.NDArray[np.float64] = np.divide(sums, total, out=np.zeros_like(sums), where=total > 0)
    return means
