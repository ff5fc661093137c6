"""Where the learning curve is heading: the accuracy that more labels will bring, and the labels that a target takes.

The curve is a power law that saturates: accuracy(n) = ceiling - scale · n^-exponent. It is fitted to the cycles so far,
and fitted again to curves that chance might have given instead; the range holds the middle four fifths of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.analysis.stop import CurvePoint
from labelcycle.components.core.features.ordering import seed_for

LEAST_POINTS = 4
"""The curve has three parameters; with fewer points any fit is perfect and says nothing."""

EXPONENTS = np.geomspace(0.05, 3.0, 60)
REPETITIONS = 400
QUANTILES = (0.1, 0.9)
"""The range that is given holds four of five of the repeated fits."""

FARTHEST = 10.0
"""Labels beyond so many times those of the last cycle are not given: no curve can be trusted that far."""

LEAST_RISE = 0.005
"""A fitted curve that rises by less than this over the cycles so far is flat."""

MOST_BELOW = 0.02
"""A fit that stays below the last accuracy by more than this, and by more than chance explains, has the wrong form."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """The accuracy expected with so many answers, and its range."""

    answers: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Gain:
    """By how much further answers are expected to raise the accuracy, and the range of that."""

    answers: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class Needed:
    """The answers that a target accuracy takes.

    Attributes:
        accuracy: the target.
        answers: most likely; None where the curve stays below the target, or reaches it too far away to say.
        low: the fewest of the range; None as for `answers`.
        high: the most; None as for `answers`.
    """

    accuracy: float
    answers: int | None
    low: int | None
    high: int | None


class Forecast:
    """The fitted curve, and the curves that chance might have given; made by `forecast`."""

    def __init__(self, points: Sequence[CurvePoint], test_samples: int) -> None:
        answers = np.array([point.answers for point in points], np.float64)
        accuracy = np.array([point.accuracy for point in points], np.float64)
        self.last = float(answers[-1])
        self._unit = answers.mean()
        ceiling, scale, exponent = _fit(answers / self._unit, accuracy[None, :])
        self.ceiling, self.scale, self.exponent = float(ceiling[0]), float(scale[0]), float(exponent[0])
        smooth = _curve(answers / self._unit, ceiling, scale, exponent)[0]
        self.rise = float(smooth[-1] - smooth[0])
        below = float(accuracy[-1] - smooth[-1])
        self.falls_short = below > max(MOST_BELOW, 2 * float(_chance(accuracy[-1:], test_samples)[0]))
        noise = _noise(accuracy - smooth, smooth, test_samples)
        self._noise_of_a_change = max(2**0.5 * _left(accuracy - smooth), float(_chance(accuracy[-1:], test_samples)[0]))
        generator = np.random.default_rng(seed_for("forecast", answers.tolist(), np.round(accuracy, 6).tolist()))
        drawn = smooth + noise * generator.standard_normal((REPETITIONS, len(points)))
        self._chances = generator.standard_normal(REPETITIONS)
        self._many = _fit(answers / self._unit, np.clip(drawn, 0.0, 1.0))

    def accuracy_at(self, answers: int) -> Expected:
        """What so many answers are expected to bring."""
        at = np.array([answers / self._unit])
        one = (np.array([value]) for value in (self.ceiling, self.scale, self.exponent))
        likely = float(_curve(at, *one)[0, 0])
        low, high = np.quantile(_curve(at, *self._many)[:, 0], QUANTILES)
        return Expected(answers, likely, min(float(low), likely), max(float(high), likely))

    def gain_of(self, answers: int) -> Gain | None:
        """What so many answers more than the last cycle's are expected to bring; None where that is too far to say.

        It is the change between two measurements: each repeated fit is compared with itself, so that what is unsure
        of the whole curve's level does not count, and the range has room for what measurements deviate by chance.
        """
        if self.last + answers > FARTHEST * self.last:
            return None
        ends = np.array([self.last, self.last + answers]) / self._unit
        one = (np.array([value]) for value in (self.ceiling, self.scale, self.exponent))
        before, after = _curve(ends, *one)[0]
        many = _curve(ends, *self._many)
        likely = float(after - before)
        low, high = np.quantile(many[:, 1] - many[:, 0] + self._noise_of_a_change * self._chances, QUANTILES)
        return Gain(answers, likely, min(float(low), likely), max(float(high), likely))

    def answers_for(self, accuracy: float) -> Needed:
        """What a target accuracy takes."""
        one = (np.array([value]) for value in (self.ceiling, self.scale, self.exponent))
        likely = float(_inverse(accuracy, *one)[0] * self._unit)
        low, high = np.quantile(_inverse(accuracy, *self._many) * self._unit, QUANTILES, method="inverted_cdf")
        needed = (likely, min(float(low), likely), max(float(high), likely))
        return Needed(accuracy, *(None if value > FARTHEST * self.last else int(np.ceil(value)) for value in needed))


def forecast(points: Sequence[CurvePoint], test_samples: int) -> Forecast | str:
    """The forecast from the trained cycles so far, or why there is none.

    Args:
        points: every trained cycle, in order.
        test_samples: how many samples the accuracy is measured on, which limits how sure it is.

    Source: a power law with a ceiling: Hestness et al., Deep Learning Scaling Is Predictable, Empirically, 2017. The
    ceiling and the scale of a given exponent are a linear fit: Golub and Pereyra, SIAM J. Numer. Anal. 10, 1973.
    Cost: 60 linear fits of 400 curves at once; milliseconds.
    """
    distinct = len({point.answers for point in points})
    if distinct < LEAST_POINTS:
        there = "there is 1" if distinct == 1 else f"there are {distinct}"
        return f"a forecast needs {LEAST_POINTS} trained cycles, and {there} so far"
    found = Forecast(points, test_samples)
    if found.rise < LEAST_RISE:
        return "the accuracy does not rise with the labels so far, so nothing can be said about more of them"
    if found.falls_short:
        return "the accuracy rises faster than any curve that levels off, so a forecast would fall short"
    return found


def _curve(answers: Floats, ceiling: Floats, scale: Floats, exponent: Floats) -> Floats:
    """Accuracy at P numbers of answers of R curves, (R, P)."""
    values: Floats = ceiling[:, None] - scale[:, None] * answers[None, :] ** -exponent[:, None]
    return np.clip(values, 0.0, 1.0)


def _inverse(accuracy: float, ceiling: Floats, scale: Floats, exponent: Floats) -> Floats:
    """Answers at which each of R curves has the accuracy, (R,); infinite for those that never do."""
    gap = ceiling - accuracy
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        found: Floats = np.where(gap > 0, (scale / np.maximum(gap, 1e-12)) ** (1 / exponent), np.inf)
    return found


def _fit(answers: Floats, accuracy: Floats) -> tuple[Floats, Floats, Floats]:
    """Ceiling, scale and exponent of least squares for each of R curves of P points, (R, P), each (R,).

    For each exponent the rest is a linear fit, held to a ceiling of at most 1 and a scale of at least 0: where the
    free fit breaks one of these, the best fit lies on that limit.
    """
    best = np.full(len(accuracy), np.inf)
    found = np.zeros((3, len(accuracy)))
    for exponent in EXPONENTS:
        falls = answers**-exponent
        centred = falls - falls.mean()
        scale = -(accuracy @ centred) / (centred @ centred)
        ceiling = accuracy.mean(axis=1) + scale * falls.mean()
        beyond = ceiling > 1
        scale = np.where(beyond, (1 - accuracy) @ falls / (falls @ falls), scale)
        ceiling = np.where(beyond, 1.0, ceiling)
        flat = scale < 0
        scale, ceiling = np.where(flat, 0.0, scale), np.where(flat, accuracy.mean(axis=1), ceiling)
        error = ((ceiling[:, None] - scale[:, None] * falls - accuracy) ** 2).sum(axis=1)
        better = error < best
        best = np.where(better, error, best)
        found = np.where(better, np.stack([ceiling, scale, np.full(len(accuracy), exponent)]), found)
    return found[0], found[1], found[2]


def _noise(residuals: Floats, accuracy: Floats, test_samples: int) -> Floats:
    """The deviation of each point: what the fit leaves, and no less than a test set of that size gives by chance."""
    found: Floats = np.maximum(_left(residuals), _chance(accuracy, test_samples))
    return found


def _left(residuals: Floats) -> float:
    """The deviation that a fit of three parameters leaves."""
    return float(np.sqrt((residuals**2).sum() / max(1, len(residuals) - 3)))


def _chance(accuracy: Floats, test_samples: int) -> Floats:
    """By how much accuracies on a test set of that size deviate by chance; not 0 where all or none were right."""
    share = (accuracy * test_samples + 1) / (test_samples + 2)
    found: Floats = np.sqrt(share * (1 - share) / test_samples)
    return found
