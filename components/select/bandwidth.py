"""The width of a Gaussian kernel: how far labelled samples typically lie from each other.

Source: Bae et al., UHerding, 2024, which takes the minimum over labelled samples; the median is not moved by one pair
    of near-duplicates.
"""

import numpy as np

from labelcycle.components.core.blocks import blocks_of
from labelcycle.components.select.nearest import CENTRES_AT_ONCE
from labelcycle.components.select.points import Floats, Points, VectorBlock, squared_distances

MOST_ASKED = 1000
"""The median is taken over at most so many samples; each is compared with all others."""

SMALLEST = 1e-3
"""Points of length 1 that are nearer to each other cannot be told apart in float32; a smaller width counts as this."""

LARGEST = 1e3
"""Under a kernel so wide all points of length 1 are the same; a larger width counts as this."""

WIDTH_OF_EQUALS = 1.0
"""Where all samples are equal any width does."""


def bandwidth_of(*sets: Points[VectorBlock]) -> float:
    """The median distance of a sample to the nearest other one, in the first of these sets where that is above 0.

    Copies have the distance 0. Where they make the median 0, it is taken over the samples that have no copy.

    Args:
        sets: points, in order of preference; a set of less than two is passed over.

    Cost: at most 1,000·L·d multiply-adds for a set of L points; memory of one block of distances.
    """
    for points in sets:
        if len(points) < 2:
            continue
        distances = np.sqrt(squared_to_nearest_other(points))
        apart = distances[distances > 0]
        if len(apart):
            median = float(np.median(distances))
            return max(SMALLEST, median if median > 0 else float(np.median(apart)))
    return WIDTH_OF_EQUALS


def squared_to_nearest_other(points: Points[VectorBlock]) -> Floats:
    """Squared distance to the nearest other point, float32; of 1,000 points spread over all rows where there are more.

    Args:
        points: at least two.
    """
    asked = np.unique(np.linspace(0, len(points) - 1, min(len(points), MOST_ASKED)).astype(np.int64))
    block = points.at(asked)
    nearest = np.full(len(asked), np.inf, np.float32)
    for rows in blocks_of(len(points), CENTRES_AT_ONCE):
        distances = squared_distances(block, points.at(rows))
        itself = np.flatnonzero((asked >= rows.start) & (asked < rows.stop))
        distances[itself, asked[itself] - rows.start] = np.inf
        np.minimum(nearest, distances.min(axis=1), out=nearest)
    return nearest
