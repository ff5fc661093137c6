"""The medoid: the sample from which squared distances to all others add up to the least."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.blocks import for_each_block
from labelcycle.components.select.points import Vectors


def medoid(points: Vectors, ties: npt.NDArray[np.uint64]) -> int:
    """The row nearest to the mean, which is the medoid for squared distances.

    Args:
        points: N points, at least one.
        ties: (N,), decides between equally near ones, the smaller first.

    Cost: two passes over the points.
    """
    sums = for_each_block(len(points), lambda rows: points.read(rows).sum(axis=0, dtype=np.float64))
    mean = (np.sum(sums, axis=0) / len(points)).astype(np.float32)
    offsets = for_each_block(len(points), lambda rows: np.square(points.read(rows) - mean).sum(axis=1))
    distances = np.concatenate(offsets)
    best = np.flatnonzero(distances == distances.min())
    return int(best[ties[best].argmin()])
