"""Points in the few directions in which they differ most, where clusters are found at a fraction of the cost."""

import numpy as np

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.matmul import matmul
from labelcycle.components.select.points import Floats, Stacked, Vectors

SAMPLE = 4096
"""The directions are found on so many points."""


WIDE = 2048
"""Beyond so many coordinates the smaller side decides: a matrix of their products would take too much memory and time.

Up to there the covariance is taken even of fewer points, so that picks stay those of earlier versions to the last bit.
"""

SPANNED = 1e-6
"""Variance of a direction, as a share of the largest, below which float32 cannot tell it from rounding errors."""


def principal_directions(points: Vectors | Stacked, width: int, seed: int) -> Floats:
    """The directions of largest variance, float32 (d, width), orthonormal, or fewer where points span no more.

    Args:
        points: N points of d coordinates.
        width: how many directions, at most d.
        seed: decides which points are looked at.

    Of m = min(N, 4096) points of more than 2048 coordinates, if these are more than the points, the directions are
    computed from the m × m inner products of the points, which say the same as the d × d covariance.

    Cost: O(m·d·s + s³), and memory of s² numbers beside the m points; s = min(m, d) beyond 2048 coordinates, else d.
    """
    chosen = np.random.default_rng(seed).choice(len(points), min(SAMPLE, len(points)), replace=False)
    sample = points.read(np.sort(chosen))
    sample -= sample.mean(axis=0)
    if sample.shape[1] > max(WIDE, len(sample)):
        return _from_inner_products(sample, width)
    _, directions = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    result: Floats = directions[:, ::-1][:, :width].astype(np.float32)
    return result


def _from_inner_products(sample: Floats, width: int) -> Floats:
    """The directions of m centred points (m, d), m < d, out of the eigenvectors of their inner products.

    Points span at most m - 1 directions; those without variance are left out, for rounding errors would decide them.
    """
    values, vectors = np.linalg.eigh((sample @ sample.T).astype(np.float64))
    values, vectors = values[::-1][:width], vectors[:, ::-1][:, :width]
    spanned = max(1, int((values > SPANNED * values[0]).sum()))
    directions = sample.T @ vectors[:, :spanned].astype(np.float32)
    result: Floats = directions / np.maximum(np.linalg.norm(directions, axis=0), np.finfo(np.float32).tiny)
    return result


def along(points: Vectors | Stacked, directions: Floats) -> Floats:
    """Coordinates of all points along the directions, float32 (N, width). One matrix product."""
    result = np.empty((len(points), directions.shape[1]), np.float32)

    def project(rows: slice) -> None:
        result[rows] = matmul(points.read(rows), directions)

    for_each_block(len(points), project)
    return result
