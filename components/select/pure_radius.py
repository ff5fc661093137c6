"""The largest radius at which most balls hold samples of one pseudo-label only."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.blocks import for_each_block
from labelcycle.components.select.points import Vectors, squared_distances

SAMPLE = 1024
"""Purity is measured on at most so many balls."""

ROUNDING = 1e-6
"""Squared distances of vectors of length 1 are known to so much: the radius stays below by it."""


def pure_radius(
    points: Vectors, pseudo_labels: npt.NDArray[np.int64], purity: float, order: npt.NDArray[np.uint64]
) -> float:
    """The largest radius at which at least `purity` of the balls are pure; 2 where there is one pseudo-label only.

    A ball (points at a distance below the radius) is pure as long as the radius is at most the distance from its centre
    to the nearest point of another pseudo-label. So the radius is a quantile of those distances.

    Args:
        points: N points of length 1.
        pseudo_labels: (N,).
        purity: share of balls, above 0 and at most 1.
        order: (N,), the balls of the smallest numbers are measured.

    Source: ProbCover, section 3.3.
    Cost: O(1024·N·d) multiply-adds; memory of a block of distances a core.
    """
    rows = np.sort(np.argsort(order, kind="stable")[:SAMPLE])
    centres = points.at(rows)

    def nearest_other(part: slice) -> npt.NDArray[np.float32]:
        distances = squared_distances(points.at(part), centres)
        distances[pseudo_labels[part][:, None] == pseudo_labels[rows]] = 4
        least: npt.NDArray[np.float32] = distances.min(axis=0)
        return least

    nearest = np.min(for_each_block(len(points), nearest_other, block_rows=256), axis=0)
    nearest.sort()
    impure = min(int((1 - purity) * len(rows) + 1e-9), len(rows) - 1)
    squared = float(nearest[impure])
    return 2.0 if squared >= 4 else float(np.sqrt(max(squared - ROUNDING, ROUNDING)))
