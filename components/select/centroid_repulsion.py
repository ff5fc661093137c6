"""How close centroids are to each other, free ones and frozen ones, and how that pushes the free ones apart.

Similarities are computed block by block, and gradients in closed form. Centroids are numbered free ones first.

Centroids of length 1 that move down an objective, one step of Adam at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labelcycle.components.core.features.blocks import block_rows_for, blocks_in_turn
from labelcycle.components.core.features.matmul import matmul
from labelcycle.components.select.centroids import Doubles
from labelcycle.components.select.points import Floats


@dataclass(frozen=True)
class Repulsion:
    """How close centroids are to each other: log Σ_k' exp(⟨u_k', u_k⟩/τ) for each of them.

    Attributes:
        free: float32 (B, d), of length 1.
        frozen: float32 (L, d), of length 1; L may be 0.
        temperature: τ.
        itself: whether k' = k counts.
        sums: float64 (B + L,), Σ_k' exp((⟨u_k', u_k⟩ - 1)/τ).
    """

    free: Floats
    frozen: Floats
    temperature: float
    itself: bool
    sums: Doubles

    @property
    def logarithms(self) -> Doubles:
        """Float64 (B + L,): log Σ_k' exp(⟨u_k', u_k⟩/τ)."""
        result: Doubles = np.log(self.sums) + 1 / self.temperature
        return result

    def gradient(self, weights: Doubles) -> Doubles:
        """The gradient of Σ_k weight_k · log Σ_k' exp(⟨u_k', u_k⟩/τ) with respect to the free centroids.

        Args:
            weights: (B + L,).

        Returns:
            float64 (B, d). Both ends of a pair are moved.

        Cost: 2·(B + L)·B·d multiply-adds.
        """
        shares = (weights / self.sums).astype(np.float32)
        everything = np.concatenate([self.free, self.frozen])

        def push(rows: slice) -> Doubles:
            pairs = _closeness(everything[rows], rows, self.free, self.temperature, self.itself)
            pairs *= shares[rows, None] + shares[: len(self.free)]
            pushes: Doubles = (pairs.T @ everything[rows]).astype(np.float64)
            return pushes

        result = np.zeros(self.free.shape)
        for part in blocks_in_turn(len(everything), push, block_rows_for(len(self.free)), at_once=2):
            result += part
        return result / self.temperature


def repulsion_of_frozen(frozen: Floats, temperature: float) -> Doubles:
    """What frozen centroids add to the sums of each other, float64 (L,). Cost: L²·d multiply-adds, once."""
    parts = blocks_in_turn(
        len(frozen),
        lambda rows: _closeness(frozen[rows], rows, frozen, temperature, True).sum(axis=1, dtype=np.float64),
        block_rows_for(len(frozen)),
    )
    return np.concatenate([np.zeros(0), *parts])


def repulsion_of(free: Floats, frozen: Floats, among_frozen: Doubles, temperature: float, itself: bool) -> Repulsion:
    """How close centroids are to each other.

    Args:
        free: float32 (B, d), of length 1.
        frozen: float32 (L, d), of length 1.
        among_frozen: (L,), from `repulsion_of_frozen`.
        temperature: τ.
        itself: whether each counts as a neighbour of itself.

    Cost: (B + L)·B·d multiply-adds.
    """
    everything = np.concatenate([free, frozen])

    def measure(rows: slice) -> tuple[slice, Doubles, Doubles]:
        pairs = _closeness(everything[rows], rows, free, temperature, itself)
        of_frozen = pairs[max(0, len(free) - rows.start) :]
        return rows, pairs.sum(axis=1, dtype=np.float64), of_frozen.sum(axis=0, dtype=np.float64)

    sums = np.concatenate([np.zeros(len(free)), among_frozen])
    for rows, of_rows, of_free in blocks_in_turn(len(everything), measure, block_rows_for(len(free))):
        sums[rows] += of_rows
        sums[: len(free)] += of_free
    return Repulsion(free, frozen, temperature, itself, sums)


def _closeness(centroids: Floats, rows: slice, others: Floats, temperature: float, itself: bool) -> Floats:
    """exp((cosine - 1)/τ) of some centroids, those numbered `rows`, to the first: float32 (rows, others)."""
    pairs: Floats = matmul(centroids, others.T)
    pairs -= 1
    pairs /= temperature
    np.exp(pairs, out=pairs)
    if not itself:
        own = np.arange(rows.start, min(rows.stop, len(others)))
        pairs[own - rows.start, own] = 0
    return pairs


DECAY = (0.9, 0.999)
"""Adam's decay of the mean and of the square of gradients, the defaults of Kingma and Ba."""

EPSILON = 1e-8
"""Added to the root of the squares, as Kingma and Ba have it."""

PATIENCE = 25
"""Steps whose mean value is compared with that of as many before: few enough to see the objective fall, and enough to
average out the noise of sampled steps."""


def descend(
    start: Floats,
    objective: Callable[[Floats], tuple[float, Doubles]],
    iterations: int,
    learning_rate: float,
    tolerance: float | None = None,
) -> Floats:
    """Move centroids down an objective of their directions by Adam.

    Args:
        start: (B, d) where they start.
        objective: unit centroids (B, d) → value and gradient with respect to them.
        iterations: most steps.
        learning_rate: of Adam.
        tolerance: stop when the mean value of 25 steps is not by this much below that of the 25 before; None to make
            all steps.

    Returns:
        The directions after the last step, float32 (B, d).

    Cost: `iterations` times the objective's, and B·d beside it; 4·B·d numbers of 8 bytes.
    """
    raw = start.astype(np.float64)
    mean, square = np.zeros_like(raw), np.zeros_like(raw)
    values: list[float] = []
    for step in range(1, iterations + 1):
        lengths = np.linalg.norm(raw, axis=1, keepdims=True)
        lengths[lengths == 0] = 1
        unit = raw / lengths
        value, gradient = objective(unit.astype(np.float32))
        values.append(value)
        if tolerance is not None and step >= 2 * PATIENCE:
            before, now = np.mean(values[-2 * PATIENCE : -PATIENCE]), np.mean(values[-PATIENCE:])
            if before - now < tolerance:
                break
        gradient = (gradient - (gradient * unit).sum(axis=1, keepdims=True) * unit) / lengths
        mean = DECAY[0] * mean + (1 - DECAY[0]) * gradient
        square = DECAY[1] * square + (1 - DECAY[1]) * gradient**2
        corrected = np.sqrt(square / (1 - DECAY[1] ** step)) + EPSILON
        raw -= learning_rate * mean / (1 - DECAY[0] ** step) / corrected
    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    result: Floats = (raw / lengths).astype(np.float32)
    return result
