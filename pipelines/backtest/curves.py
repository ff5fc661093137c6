"""Learning curves over seeds: the mean, and the band in which the true mean lies with 95 % confidence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

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
