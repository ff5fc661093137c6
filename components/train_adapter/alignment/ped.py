"""PED: where features would move if the network were fine-tuned, with classes as balls that push each other apart.

Source: Li et al., ICCV 2023 (potential energy decline), named in ASVP, section 3.2; constants as in the authors' code.
That code takes the standardisation from ImageNet; here it is the pool's own. Samples move with their class, so only the
C class means are moved, and the radii stay.
Cost: O(N·d) to measure the classes and to move the samples, O(C²·d) a step in matrix products; C² numbers, where the
authors' code has two C×C×d arrays.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import InputError

Doubles = npt.NDArray[np.float64]

RADIUS = 0.6
"""A class's radius in its standard deviations."""

TIME_STEP = 0.1
"""dt."""

EXIT_RATIO = 0.5
"""Motion ends when a step moves classes by no more than this share of the first step."""

STEPS = 6
"""Most steps."""

SMALLEST_SCALE = 1e-3
"""The least standard deviation that a coordinate is divided by."""

COINCIDENT = 1e-12
"""Means whose squared distance is below this share of their squared lengths count as one point, without a direction."""


@dataclass(frozen=True)
class Motion:
    """Features after the motion.

    Attributes:
        features: float64 (N, d).
        steps: steps taken; 0 where no two classes overlap, 1 where the second would have been too small.
        changes: Σ|movement| of the class means in standardised coordinates, of each step computed.
    """

    features: Doubles
    steps: int
    changes: list[float]


def potential_energy_decline(
    features: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    mean: npt.NDArray[np.floating] | None = None,
    deviation: npt.NDArray[np.floating] | None = None,
) -> Motion:
    """Push overlapping classes apart until they hardly move.

    Args:
        features: (N, d), N ≥ 1.
        classes: (N,) class indices.
        mean: (d,), of the pool; by default of the features.
        deviation: (d,), standard deviation of the pool; by default of the features.

    Raises:
        InputError: no samples, or another number of classes than of features.
    """
    if not len(features) or len(features) != len(classes):
        raise InputError(f"PED needs a class for each sample; got {len(features)} samples and {len(classes)} classes.")
    exact = features.astype(np.float64)
    centre = exact.mean(axis=0) if mean is None else mean.astype(np.float64)
    scale = np.maximum(exact.std(axis=0) if deviation is None else deviation.astype(np.float64), SMALLEST_SCALE)
    means, radii, membership = _balls((exact - centre) / scale, classes)
    moved, changes, steps = means, [], 0
    while steps < STEPS:
        movement = _movement(moved, radii)
        changes.append(float(np.abs(movement).sum()))
        if changes[-1] <= EXIT_RATIO * changes[0]:
            break
        moved = moved + movement
        steps += 1
    return Motion(exact + ((moved - means) * scale)[membership], steps, changes)


def _balls(standardised: Doubles, classes: npt.NDArray[np.integer]) -> tuple[Doubles, Doubles, npt.NDArray[np.int64]]:
    """Means (C, d) and radii (C,) of the classes that occur, and the place of each sample's class among them."""
    present, membership = np.unique(classes, return_inverse=True)
    means = np.empty((len(present), standardised.shape[1]))
    radii = np.empty(len(present))
    for number in range(len(present)):
        members = standardised[membership == number]
        means[number] = members.mean(axis=0)
        radii[number] = RADIUS * np.sqrt(members.var(axis=0).sum())
    return means, radii, membership


def _movement(means: Doubles, radii: Doubles) -> Doubles:
    """How each class is moved by all others in one step, (C, d).

    Two that overlap by F move apart by min(½·dt²·F, F) each. Σ_j w_ij·(μ_i - μ_j) is taken as μ_i·Σ_j w_ij - (W·μ)_i.
    """
    centred = means - means.mean(axis=0)
    lengths = np.einsum("cd,cd->c", centred, centred)
    scale = lengths[:, None] + lengths
    squared = scale - 2 * centred @ centred.T
    apart = squared > COINCIDENT * scale
    np.fill_diagonal(apart, False)
    distances = np.sqrt(np.where(apart, squared, 1))
    overlaps = np.maximum(radii[:, None] + radii - distances, 0)
    pushes = np.where(apart, np.minimum(TIME_STEP**2 / 2 * overlaps, overlaps) / distances, 0)
    result: Doubles = centred * pushes.sum(axis=1, keepdims=True) - pushes @ centred
    return result
