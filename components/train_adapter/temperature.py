"""Temperature scaling without a validation split: one temperature, by the likelihood of samples that were held out.

Source: Guo et al., ICML 2017, section 4.2; with cross-validation in the place of a validation split.
Cost: one training a fold, then O(L·C) for each of some twenty temperatures.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.optimize
from scipy.special import logsumexp

Doubles = npt.NDArray[np.float64]
Classes = npt.NDArray[np.integer]

FOLDS = 5
LARGEST = 10.0
"""Temperatures lie between this and 1 divided by it."""


def cross_validated_temperature(
    classes: Classes, logits_of: Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Doubles]
) -> float:
    """The temperature at which the held-out samples are the likeliest; logits divided by it are calibrated.

    The samples of each class are dealt to five folds in their order. A sample does not count where its class has no
    other sample to learn from; where none counts the temperature is 1.

    Args:
        classes: (L,) class indices.
        logits_of: rows to train on, and rows to predict (H,), → logits (H, C), -inf for classes not trained on.
    """
    folds = np.empty(len(classes), np.int64)
    for number in np.unique(classes):
        members = np.flatnonzero(classes == number)
        folds[members] = np.arange(len(members)) % FOLDS
    logits, truth = [], []
    for fold in range(FOLDS):
        learnt = folds != fold
        held = np.flatnonzero(~learnt & np.isin(classes, classes[learnt]))
        if len(held):
            logits.append(logits_of(np.flatnonzero(learnt), held))
            truth.append(classes[held])
    if not logits:
        return 1.0
    return likeliest_temperature(np.concatenate(logits), np.concatenate(truth))


def likeliest_temperature(logits: Doubles, truth: Classes) -> float:
    """The temperature at which the classes are the likeliest: (N, C), (N,); logits of true classes are finite.

    It is 1 where no sample has two possible classes, since the temperature then changes nothing.
    """
    if (np.isfinite(logits).sum(axis=1) < 2).all():
        return 1.0
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        scaled = logits * np.exp(-log_temperature)
        return float((logsumexp(scaled, axis=1) - scaled[rows, truth]).sum())

    limit = float(np.log(LARGEST))
    found = scipy.optimize.minimize_scalar(loss, bounds=(-limit, limit), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))
