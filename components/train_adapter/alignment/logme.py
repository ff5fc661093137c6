"""LogME: how well a linear model on frozen features explains the labels, as the evidence of a Bayesian regression.

Source: You et al., JMLR 23 (2022), algorithm 3 (fixed point), named in ASVP, section 3.2. The evidence of the paper has
ln|A| over all D directions; the authors' code, and with it the threshold of ASVP, leaves out those that the features do
not span. Both forms are here. They differ by (D - rank)/2N · ln α, so only where features span less than their space,
as fewer samples than features do. There the code's form falls by far more from round to round than the evidence moves.
Cost: O(N·D² + D³) time for N > D, else O(N²·D), and O(N·D·C) for the products with the labels; N·D + D² numbers of 8
bytes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.blocks import one_thread_products

Doubles = npt.NDArray[np.float64]

ITERATIONS = 11
"""Most iterations of the fixed point; two or three are usual."""

CONVERGED = 1e-3
"""Iterations end when α/β changes by no more than this share."""

STEADY = 1e-5
"""Added to the denominators, as the authors' code has it."""

SMALLEST_SINGULAR_VALUE = 1e-10
"""Directions in which features vary less are not spanned."""

RELATIVE_SINGULAR_VALUE = 1e-7
"""Nor are those below this share of the largest, which rounding errors make up."""


@dataclass(frozen=True)
class Evidence:
    """The evidence for one class against all others.

    Attributes:
        value: ln p(y | F, α, β)/N.
        alpha: precision of the weights.
        beta: precision of the noise.
    """

    value: float
    alpha: float
    beta: float


def logme(features: npt.NDArray[np.floating], classes: npt.NDArray[np.integer], *, whole_space: bool = False) -> float:
    """The mean over classes of the largest log evidence a sample.

    Args:
        features: (N, D), N ≥ 1.
        classes: (N,) class indices; those that do not occur are left out of the mean.
        whole_space: take ln|A| over all D directions, as the paper has it, rather than over the spanned ones.

    Raises:
        InputError: no samples, or another number of classes than of features.
    """
    found = evidences(features, classes, whole_space=whole_space)
    return float(np.mean([evidence.value for evidence in found]))


def evidences(
    features: npt.NDArray[np.floating], classes: npt.NDArray[np.integer], *, whole_space: bool = False
) -> list[Evidence]:
    """The evidence for each class that occurs, in the order of their indices: see `logme`."""
    if not len(features) or len(features) != len(classes):
        raise InputError(
            f"LogME needs a class for each sample; got {len(features)} samples and {len(classes)} classes."
        )
    with one_thread_products():
        basis, squares = _spanned(features.astype(np.float64))
    samples, width = features.shape
    found = []
    for number in np.unique(classes):
        truth = (classes == number).astype(np.float64)
        along = basis.T @ truth
        rest = max(float(truth @ truth - along @ along), 0.0)
        found.append(_fixed_point(squares, along**2, rest, samples, width, whole_space))
    return found


def _spanned(features: Doubles) -> tuple[Doubles, Doubles]:
    """Left singular vectors (N, rank) and squared singular values (rank,) of the features."""
    samples, width = features.shape
    if samples > width:
        squares, directions = np.linalg.eigh(features.T @ features)
        values = np.sqrt(np.maximum(squares, 0))
        kept = _large_enough(values)
        return features @ directions[:, kept] / values[kept], squares[kept]
    basis, values, _ = np.linalg.svd(features, full_matrices=False)
    kept = _large_enough(values)
    return basis[:, kept], values[kept] ** 2


def _large_enough(values: Doubles) -> npt.NDArray[np.bool_]:
    smallest = max(SMALLEST_SINGULAR_VALUE, RELATIVE_SINGULAR_VALUE * float(values.max(initial=0)))
    return np.asarray(values > smallest)


def _fixed_point(
    squares: Doubles, along: Doubles, rest: float, samples: int, width: int, whole_space: bool
) -> Evidence:
    """Alternate between the posterior mean and the precisions α, β until their ratio stays.

    Args:
        squares: σ, squared singular values of the features, (rank,).
        along: x², squared products of the labels with the singular vectors, (rank,).
        rest: squared length of the labels outside of these.
        samples: N.
        width: D.
        whole_space: see `logme`.
    """
    alpha = beta = 1.0
    for _ in range(ITERATIONS):
        ratio = alpha / beta
        effective = float((squares / (squares + ratio)).sum())
        weight = float((squares * along / (ratio + squares) ** 2).sum())
        residual = float((along / (1 + squares / ratio) ** 2).sum()) + rest
        alpha = max(effective / (weight + STEADY), np.finfo(np.float64).tiny)
        beta = (samples - effective) / (residual + STEADY)
        if abs(alpha / beta - ratio) / ratio <= CONVERGED:
            break
    dimensions = len(squares) if whole_space else width
    value = (
        dimensions / 2 * np.log(alpha)
        + samples / 2 * np.log(beta)
        - np.log(alpha + beta * squares).sum() / 2
        - beta / 2 * residual
        - alpha / 2 * weight
        - samples / 2 * np.log(2 * np.pi)
    )
    return Evidence(float(value / samples), alpha, beta)
