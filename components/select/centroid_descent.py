"""Centroids of length 1 that move down an objective, one step of Adam at a time."""

from collections.abc import Callable

import numpy as np

from labelcycle.components.select.centroids import Doubles
from labelcycle.components.select.points import Floats

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
