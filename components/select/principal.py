"""Points in the few directions in which they differ most, where clusters are found at a fraction of the cost."""

import numpy as np

from labelcycle.components.core.blocks import for_each_block
from labelcycle.components.core.products import product
from labelcycle.components.select.points import Floats, Stacked, Vectors

SAMPLE = 4096
"""The directions are found on so many points."""


def principal_directions(points: Vectors | Stacked, width: int, seed: int) -> Floats:
    """The directions of largest variance, float32 (d, width), orthonormal.

    Args:
        points: N points of d coordinates.
        width: how many directions, at most d.
        seed: decides which points are looked at.

    Cost: O(4096·d² + d³).
    """
    chosen = np.random.default_rng(seed).choice(len(points), min(SAMPLE, len(points)), replace=False)
    sample = points.read(np.sort(chosen))
    sample -= sample.mean(axis=0)
    _, directions = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    result: Floats = directions[:, ::-1][:, :width].astype(np.float32)
    return result


def along(points: Vectors | Stacked, directions: Floats) -> Floats:
    """Coordinates of all points along the directions, float32 (N, width). One matrix product."""
    result = np.empty((len(points), directions.shape[1]), np.float32)

    def project(rows: slice) -> None:
        result[rows] = product(points.read(rows), directions)

    for_each_block(len(points), project)
    return result
