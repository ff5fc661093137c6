"""Learning curves over seeds: the mean, and the band in which the true mean lies with 95 % confidence.

What a strategy saved against the random arm, in one figure and how sure it is.

The figure is the mean of the sample-saving ratio over the cycles, read off the mean curves of the seeds that both arms
have finished: averaging first keeps the noise of single runs out of the inversion. The same figure of each seed's own
pair of curves, which share their cold start, shows how far seeds agree. Random against itself saves exactly 0 in both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.isotonic import isotonic_regression

from labelcycle.components.analysis.savings import Curve, Saving, average_saving, savings
from labelcycle.components.core.campaign.cycle_metrics import Sign

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Band:
    """A curve averaged over seeds.

    Attributes:
        mean: at each number of labels.
        half_width: of the confidence interval at each, by Student's t; None for a single seed, which has none.
    """

    mean: list[float]
    half_width: list[float] | None


def band(curves: Sequence[Sequence[float]]) -> Band:
    """Average curves over seeds.

    Args:
        curves: S rows of equal length, S ≥ 1.
    """
    values = np.asarray(curves, dtype=np.float64)
    seeds = len(values)
    mean = values.mean(axis=0)
    if seeds == 1:
        return Band(mean.tolist(), None)
    factor = stats.t.ppf((1 + CONFIDENCE) / 2, seeds - 1) / np.sqrt(seeds)
    return Band(mean.tolist(), (factor * values.std(axis=0, ddof=1)).tolist())


@dataclass(frozen=True)
class Saved:
    """Savings of one strategy.

    Attributes:
        ratio: mean sample-saving ratio; negative where the strategy needs more labels than random.
        sign: how to read `ratio`.
        lowest: the smallest mean ratio of a single seed.
        highest: the largest.
        censored_share: share of the points whose accuracy lies outside the random arm's, so that only a bound of their
            saving is known.
        labels_needed: the fewest labels with which the strategy has the random arm's last accuracy.
        labels_sign: `≥` where it does not get there, `≤` where its first model is better already.
    """

    ratio: float
    sign: Sign
    lowest: float
    highest: float
    censored_share: float
    labels_needed: float
    labels_sign: Sign


def saved(
    labels: Sequence[int], active: Sequence[Sequence[float]], random: Sequence[Sequence[float]], first: int
) -> Saved:
    """Compare two arms.

    Args:
        labels: at each point, rising, P ≥ 2.
        active: accuracy of the strategy, S rows of P, one a seed.
        random: accuracy of the random arm with the same seeds.
        first: the point from which on the strategy has chosen labels; earlier ones are the same by construction and
            say nothing.

    Source: ASVP, section 6.1, for the ratio; its average over cycles.
    """
    ours, theirs = _mean(labels, active), _mean(labels, random)
    average = average_saving(savings(ours, theirs)[first:])
    by_seed = [
        average_saving(savings(Curve(list(labels), list(one)), Curve(list(labels), list(other)))[first:]).ratio
        for one, other in zip(active, random, strict=True)
    ]
    reached = _fewest(ours, float(isotonic_regression(np.asarray(theirs.accuracy))[-1]))
    return Saved(
        ratio=average.ratio,
        sign=average.sign,
        lowest=min(by_seed),
        highest=max(by_seed),
        censored_share=average.censored_share,
        labels_needed=reached.equivalent_labels,
        labels_sign=reached.sign,
    )


def _fewest(curve: Curve, accuracy: float) -> Saving:
    """Where the curve first has an accuracy. Savings take the nearest point of a flat part, here from the left."""
    return savings(Curve(curve.labels[:1], [accuracy]), curve)[0]


def _mean(labels: Sequence[int], curves: Sequence[Sequence[float]]) -> Curve:
    return Curve(list(labels), np.mean(np.asarray(curves, dtype=np.float64), axis=0).tolist())
