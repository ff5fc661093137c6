"""What the names of classes say about their prototypes: a mean over the pool, each sample as likely as texts say.

Texts live where the backbone compares them with images, prototypes among standardised features. Samples of the pool,
which are in both places, carry one to the other: m_c = Σᵢ p(c | xᵢ) zᵢ / Σᵢ p(c | xᵢ), p by the texts alone. Where
texts tell classes apart badly, the means are short, and so count for little beside labels.

Source: the mean under a soft assignment as in Ren et al., Semi-Supervised Few-Shot Classification, ICLR 2018, section
    3.1.1, with the probabilities of a zero-shot classifier (Radford et al., CLIP, ICML 2021) in the place of distances.
Cost: at most 10,000 samples: as many times t·(d + C) + d·C multiply-adds on one core.
"""

from collections.abc import Sequence
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
