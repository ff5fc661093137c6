"""What active learning saved: how many random labels would have been needed for the accuracy that was reached."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import isotonic_regression

ROUNDING = 1e-9
"""Accuracies this close are the same: far less than one test sample, far more than floating-point error."""


@dataclass(frozen=True)
class Curve:
    """A learning curve: labels, rising, and the test accuracy at each."""

    labels: list[int]
    accuracy: list[float]


@dataclass(frozen=True)
class Saving:
    """The saving at one point of the active-learning curve.

    Attributes:
        labels: N1, labels used.
        equivalent_labels: N2, random labels needed for the same accuracy.
        ratio: (N2 - N1) / N2.
        censored: the accuracy lies above (or below) everything that the random arm reached. N2 is then only known to be
            at least (or at most) the given number, and the ratio is such a bound.
    """

    labels: int
    equivalent_labels: float
    ratio: float
    censored: bool


def savings(active: Curve, random: Curve) -> list[Saving]:
    """Sample-saving ratio at every point of the active curve.

    Both curves are first made monotone by isotonic regression, because more labels never hurt in expectation and a
    wiggle has no inverse. N2 is then read off the random curve inside its range only; where that curve is flat every N2
    on the flat part fits, and the one closest to N1 is taken, so that a curve against itself saves exactly nothing.

    Args:
        active: the curve of the strategy.
        random: the curve of the random arm.

    Source: ASVP, section 6.1 (equivalent number of non-AL labels, sample saving ratio).
    """
    reached = _monotone(active)
    yardstick = _monotone(random)
    results = []
    for labels, accuracy in zip(active.labels, reached, strict=True):
        low, high, censored = _labels_needed(np.asarray(random.labels, float), yardstick, accuracy)
        needed = float(np.clip(labels, low, high))
        results.append(Saving(labels, needed, (needed - labels) / needed, censored))
    return results


def _monotone(curve: Curve) -> npt.NDArray[np.float64]:
    fitted: npt.NDArray[np.float64] = isotonic_regression(np.asarray(curve.accuracy, float))
    return fitted


def _labels_needed(
    labels: npt.NDArray[np.float64], accuracy: npt.NDArray[np.float64], wanted: float
) -> tuple[float, float, bool]:
    """The smallest and largest number of labels at which the rising curve is as wanted; censored outside the curve."""
    if wanted > accuracy[-1] + ROUNDING:
        return float(labels[-1]), float(labels[-1]), True
    if wanted < accuracy[0] - ROUNDING:
        return float(labels[0]), float(labels[0]), True
    equal = np.flatnonzero(np.abs(accuracy - wanted) <= ROUNDING)
    if len(equal):
        return float(labels[equal[0]]), float(labels[equal[-1]]), False
    after = int(np.searchsorted(accuracy, wanted))
    share = (wanted - accuracy[after - 1]) / (accuracy[after] - accuracy[after - 1])
    needed = float(labels[after - 1] + share * (labels[after] - labels[after - 1]))
    return needed, needed, False
