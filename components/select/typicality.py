"""Typicality: how close a sample lies to its nearest neighbours within a cluster."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.blocks import blocks_of
from labelcycle.components.select.points import VectorBlock, squared_distances

SMOOTHING = 1e-5
"""Added to the mean squared distance."""

DISTANCES_AT_ONCE = 1 << 20
"""Numbers in a block of distances."""


def typicality(members: VectorBlock, neighbours: int) -> npt.NDArray[np.float32]:
    """1 / (mean squared distance to the nearest neighbours + 1e-5) of each member, float32 (n,).

    Args:
        members: the n points of a cluster.
        neighbours: how many neighbours count; half of the members (at least 1) where that is less.

    Source: TypiClust, equation 4; neighbours in a small cluster as in the authors' code.
    Cost: O(n²·d) multiply-adds; memory of a block of distances.
    """
    size = len(members.vectors)
    wanted = min(neighbours, max(1, size // 2))
    if size == 1:
        return np.full(1, 1 / SMOOTHING, np.float32)
    means = np.empty(size, np.float32)
    for rows in blocks_of(size, max(1, DISTANCES_AT_ONCE // size)):
        part = VectorBlock(members.vectors[rows], members.squared_norms[rows])
        distances = squared_distances(part, members)
        distances[np.arange(len(distances)), np.arange(rows.start, rows.stop)] = np.inf
        nearest = np.partition(distances, wanted - 1, axis=1)[:, :wanted]
        means[rows] = nearest.mean(axis=1)
    means += np.float32(SMOOTHING)
    return np.reciprocal(means, out=means)
