"""Distances to the nearest of some points, over all rows, in one pass of matrix products."""

from collections.abc import Iterator

import numpy as np

from labelcycle.components.core.blocks import blocks_of, for_each_block
from labelcycle.components.select.points import AnyBlock, Floats, Points, squared_distances

CENTRES_AT_ONCE = 512
"""Columns of a block of distances."""


def lower_to_nearest(nearest: Floats, points: Points[AnyBlock], centres: AnyBlock) -> None:
    """Lower each point's squared distance to its nearest centre, in place, where one of these centres is nearer.

    Args:
        nearest: float32 (N,), squared distances so far, infinite where there is none.
        points: N points.
        centres: a block of centres, at most `CENTRES_AT_ONCE`.

    Cost: one matrix product, N·d multiply-adds a centre; memory of one block a core.
    """

    def lower(rows: slice) -> None:
        found = squared_distances(points.at(rows), centres).min(axis=1)
        np.minimum(nearest[rows], found, out=nearest[rows])

    for_each_block(len(nearest), lower)


def nearest_among(points: Points[AnyBlock], centres: Points[AnyBlock]) -> Floats:
    """Squared distance of each point to the nearest of the centres, float32 (N,); infinite where there are none."""
    nearest = np.full(len(points), np.inf, np.float32)
    for block in parts_of(centres):
        lower_to_nearest(nearest, points, block)
    return nearest


def parts_of(centres: Points[AnyBlock]) -> Iterator[AnyBlock]:
    """The centres in blocks that distances are computed to at once."""
    for rows in blocks_of(len(centres), CENTRES_AT_ONCE):
        yield centres.at(rows)
