"""Where centroids start, and the samples that one of their steps looks at: drawn, and the same for the same key."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.ordering import keyed_order
from labelcycle.components.select.centroids import Doubles, Integers


def start_rows(ids: npt.NDArray[np.str_], count: int, *key: object) -> Integers:
    """Distinct rows to start centroids at, drawn by the ids and a key, (count,)."""
    return np.argsort(keyed_order(ids, *key, "start"), kind="stable")[:count]


def drawn_rows(size: int, sample: int, generator: np.random.Generator) -> Integers | None:
    """Rows for one step: `sample` of them at random in rising order, or None for all where there are no more."""
    if size <= sample:
        return None
    return np.sort(generator.choice(size, sample, replace=False, shuffle=False))


def drawn_by_weight(cumulated: Doubles, draws: int, generator: np.random.Generator) -> tuple[Integers, Doubles]:
    """Samples drawn with replacement in proportion to their weights, one draw from each equal part of the weight.

    Args:
        cumulated: weights added up from the first sample to each, (N,), N ≥ 1; the last is above 0.
        draws: how many draws.
        generator: what they depend on.

    Returns:
        Distinct rows in rising order, (n,), and the share of the draws that fell on each, which add up to 1. A sum over
        the rows by their shares is an unbiased estimate of the sum over all samples by their shares of the weight.

    Source: stratified resampling, Kitagawa, Journal of Computational and Graphical Statistics 5 (1996).
    Cost: O(draws·log N).
    """
    parts = (np.arange(draws) + generator.random(draws)) * (cumulated[-1] / draws)
    rows, counts = np.unique(np.searchsorted(cumulated[:-1], parts, side="right"), return_counts=True)
    return rows, counts / draws
