"""Features brought to one scale: each coordinate with mean 0 and deviation 1 over all samples, then length 1."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.select.points import Floats, Vectors, unit_length

CONSTANT = 1e-6
"""A coordinate whose deviation is at most this share of its mean counts as constant; float32 tells no more apart."""


@dataclass(frozen=True)
class Standardised:
    """z = (x - μ) / σ at length 1, for blocks of rows; in place.

    Attributes:
        mean: float32 (d,), μ.
        factor: float32 (d,), 1 / σ; 0 where a coordinate is constant, so that it makes no difference.
    """

    mean: Floats
    factor: Floats

    def __call__(self, vectors: Floats) -> Floats:
        """The vectors standardised, in their place."""
        vectors -= self.mean
        vectors *= self.factor
        return unit_length(vectors)


def standardised(
    features: npt.NDArray[np.floating], labelled: npt.NDArray[np.floating] | None = None
) -> tuple[Vectors, Vectors]:
    """Candidates and labelled samples as points of length 1, standardised by the statistics of both together.

    With both, the statistics are those of the whole pool, and stay the same while candidates become labelled.

    Args:
        features: (N, d), N at least 1, any float type, in memory or mapped from disk.
        labelled: (L, d); None for none.

    Returns:
        Points that are computed when they are read; a sample at the mean has length 0.

    Cost: two passes over all features; memory of one block a core.
    """
    parts = [Vectors(features)] if labelled is None else [Vectors(features), Vectors(labelled)]
    size = sum(len(part) for part in parts)
    mean = _total(parts, np.zeros(features.shape[1], np.float32), power=1) / size
    centre = mean.astype(np.float32)
    deviation = np.sqrt(_total(parts, centre, power=2) / size)
    varies = deviation > CONSTANT * np.abs(mean)
    factor = np.divide(1, deviation, out=np.zeros_like(deviation), where=varies).astype(np.float32)
    prepare = Standardised(centre, factor)
    nothing = np.empty((0, features.shape[1]), np.float32)
    return Vectors(features, prepare), Vectors(nothing if labelled is None else labelled, prepare)


def _total(parts: list[Vectors], centre: Floats, power: int) -> npt.NDArray[np.float64]:
    """Sum over all rows of (x - centre) to the power 1 or 2, float64 (d,), added up in the order of blocks."""
    total = np.zeros(len(centre), np.float64)
    for part in parts:

        def of_block(rows: slice, part: Vectors = part) -> npt.NDArray[np.float64]:
            vectors = part.read(rows)
            if power == 1:
                return np.asarray(vectors.sum(axis=0, dtype=np.float64))
            return np.asarray(np.square(vectors - centre).sum(axis=0), np.float64)

        for found in for_each_block(len(part), of_block):
            total += found
    return total
