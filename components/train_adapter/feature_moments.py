"""Mean and standard deviation of the pool's features, one part at a time: exact, so the same in any order of rows.

A float16 number is a whole number of steps of 2^-24, below 2^40 of them. Sums of such numbers and of their squares are
added up as integers, which neither round nor overflow; only the last step rounds.

Mean and standard deviation of the pool's features, by which PED standardises.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import blocks_of, for_each_block
from labelcycle.components.core.features.spaces import FeatureSpace

Moments = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Mean and standard deviation of each coordinate: (d,) each. The deviation of a constant coordinate is exactly 0."""

STEPS = 1 << 24
"""Steps of float16's smallest number in 1."""

HALF = 20
"""A number of steps is split into two of at most so many bits, whose products fit into 64 bits."""

ROWS = 1024
"""Rows that are added up in 64 bits at a time: 2^40 · 2^10 is far below 2^63."""


def feature_moments(parts: Iterable[npt.NDArray[np.float16]]) -> Moments | None:
    """The moments over the rows of all parts, each (rows, d); None where there is no row.

    Cost: a dozen passes over the features; memory for one part and a block of its rows.
    """
    rows, total, squares = 0, None, None
    for part in parts:
        for block in blocks_of(len(part), ROWS):
            sums, products = _sums(part[block])
            total = sums if total is None else total + sums
            squares = products if squares is None else squares + products
        rows += len(part)
    if total is None or squares is None:
        return None
    mean = (total / rows).astype(np.float64) / STEPS
    variance = ((squares * rows - total * total) / (rows * rows)).astype(np.float64) / STEPS**2
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


def _sums(features: npt.NDArray[np.float16]) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Sum and sum of squares of a block's columns, in steps and in squared steps: two arrays (d,) of whole numbers."""
    steps = (features.astype(np.float64) * STEPS).astype(np.int64)
    high, low = steps >> HALF, steps & ((1 << HALF) - 1)
    columns = [
        np.einsum("nd,nd->d", left, right).astype(object) for left, right in ((high, high), (high, low), (low, low))
    ]
    squares = columns[0] * (1 << 2 * HALF) + columns[1] * (2 << HALF) + columns[2]
    return steps.sum(axis=0).astype(object), squares


Doubles = npt.NDArray[np.float64]


def pool_moments(space: FeatureSpace, ids: Sequence[str]) -> tuple[Doubles, Doubles] | None:
    """Mean and standard deviation of each coordinate, two float64 arrays (d,), over the samples that have features.

    Returns:
        None where no sample has features.

    Cost: reads the features of `ids`, which stay in memory as float16, and goes over them twice.
    """
    found, features = space.read(ids)
    if not found:
        return None
    rows = len(found)
    mean = _sum(features, lambda block: block) / rows
    variance = _sum(features, lambda block: (block - mean) ** 2) / rows
    return mean, np.sqrt(variance)


def _sum(features: npt.NDArray[np.float16], of: Callable[[Doubles], Doubles]) -> Doubles:
    """The sum over all rows of what `of` makes of them, block by block."""
    sums = for_each_block(len(features), lambda rows: of(features[rows].astype(np.float64)).sum(axis=0))
    total: Doubles = np.sum(sums, axis=0)
    return total
