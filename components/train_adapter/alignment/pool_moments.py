"""Mean and standard deviation of the pool's features, by which PED standardises."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.blocks import for_each_block
from labelcycle.components.core.spaces import FeatureSpace

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
