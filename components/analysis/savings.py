"""What active learning saved: how many random labels would have been needed for the accuracy that was reached."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.analysis.intervals import ROUNDING
from labelcycle.components.core.campaign.cycle_metrics import Sign
from labelcycle.components.core.campaign.state import State

IN_WORDS: dict[Sign, str] = {"": "", "≥": "at least ", "≤": "at most ", "~": "about "}


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
        sign: how to read N2 and the ratio. Where the accuracy lies above (or below) everything that the random arm
            reached, they are only known to be at least (`≥`) or at most (`≤`) so much.
    """

    labels: int
    equivalent_labels: float
    ratio: float
    sign: Sign = ""

    @property
    def censored(self) -> bool:
        """Whether only a bound is known."""
        return self.sign != ""


@dataclass(frozen=True)
class AverageSaving:
    """The saving over several points of a curve.

    Attributes:
        ratio: mean sample-saving ratio, with each bound taken as the figure.
        sign: how to read it.
        censored_share: share of the points of which only a bound is known.
    """

    ratio: float
    sign: Sign
    censored_share: float

    @property
    def lower_bound(self) -> float | None:
        """What the average is at least; None where a point that lies below the random arm has no lower bound."""
        return self.ratio if self.sign in ("", "≥") else None


def learning_curve(state: State) -> Curve:
    """Labels and test accuracy of every trained cycle of a campaign, without the final model."""
    points = [(cycle.labels, cycle.accuracy) for cycle in state.trained if cycle.accuracy is not None]
    return Curve([labels for labels, _ in points], [accuracy for _, accuracy in points])


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
    reached = rising(active)
    yardstick = rising(random)
    results = []
    for labels, accuracy in zip(active.labels, reached, strict=True):
        low, high, sign = labels_needed(np.asarray(random.labels, float), yardstick, accuracy)
        needed = float(np.clip(labels, low, high))
        results.append(Saving(labels, needed, (needed - labels) / needed, sign))
    return results


def average_saving(points: Sequence[Saving]) -> AverageSaving:
    """The mean over one point or more, which is a bound where a point is.

    Source: ASVP, section 6.1 (average sample saving ratio).
    """
    signs = {point.sign for point in points} - {""}
    return AverageSaving(
        ratio=float(np.mean([point.ratio for point in points])),
        sign="" if not signs else signs.pop() if len(signs) == 1 else "~",
        censored_share=float(np.mean([point.censored for point in points])),
    )


def cycles_until(labels: Sequence[int], needed: float) -> int:
    """How many cycles it takes to have as many labels as needed; all of them where they end before.

    Args:
        labels: at each cycle, rising.
        needed: the number wanted.
    """
    return next((number for number, count in enumerate(labels, 1) if count >= needed), len(labels))


def rising(curve: Curve) -> npt.NDArray[np.float64]:
    """The accuracy of a curve made monotone by isotonic regression."""
    from sklearn.isotonic import isotonic_regression  # here, because most cycles are compared with nothing

    fitted: npt.NDArray[np.float64] = isotonic_regression(np.asarray(curve.accuracy, float))
    return fitted


def labels_needed(
    labels: npt.NDArray[np.float64], accuracy: npt.NDArray[np.float64], wanted: float
) -> tuple[float, float, Sign]:
    """The smallest and largest number of labels at which the rising curve is as wanted; a bound outside the curve."""
    if wanted > accuracy[-1] + ROUNDING:
        return float(labels[-1]), float(labels[-1]), "≥"
    if wanted < accuracy[0] - ROUNDING:
        return float(labels[0]), float(labels[0]), "≤"
    equal = np.flatnonzero(np.abs(accuracy - wanted) <= ROUNDING)
    if len(equal):
        return float(labels[equal[0]]), float(labels[equal[-1]]), ""
    after = int(np.searchsorted(accuracy, wanted))
    share = (wanted - accuracy[after - 1]) / (accuracy[after] - accuracy[after - 1])
    needed = float(labels[after - 1] + share * (labels[after] - labels[after - 1]))
    return needed, needed, ""
