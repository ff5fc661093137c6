"""Unit centroids that move over a pool: what the samples nearest to them pull.

ActiveFT and VeCAF's data selection are objectives of this pull and of how centroids push each other apart
(`centroid_repulsion`). No array of all samples by all centroids is made: similarities are computed block by block, and
gradients in closed form. Centroids are numbered free ones first, then frozen ones.

Where centroids start, and the samples that one of their steps looks at: drawn, and the same for the same key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse

from labelcycle.components.core.features.blocks import block_rows_for, blocks_in_turn
from labelcycle.components.core.features.neighbours import most_similar
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.points import Floats, Rows, Vectors

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

HELD_NUMBERS = 2**26
"""Vectors of so many numbers in all are held in memory for all steps: 256 MB."""


class UnitVectors(Protocol):
    """N vectors of length 1, or 0, that can be read in part."""

    def __len__(self) -> int: ...

    @property
    def width(self) -> int:
        """The number of coordinates, d."""
        ...

    def read(self, rows: Rows) -> Floats:
        """The vectors of these rows, float32 (b, d)."""
        ...


@dataclass(frozen=True)
class Assignment:
    """The centroid that each of N samples is most similar to, the first of equally similar ones.

    Attributes:
        nearest: int64 (N,), number of the centroid.
        cosines: float32 (N,), the similarity; -2 where there is no centroid.
    """

    nearest: Integers
    cosines: Floats


@dataclass(frozen=True)
class Frozen:
    """Centroids that do not move, such as labelled samples.

    Attributes:
        centroids: float32 (L, d), of length 1.
        assignment: of all N samples to these.
    """

    centroids: Floats
    assignment: Assignment


@dataclass(frozen=True)
class Pull:
    """What samples do to K centroids, B of them free.

    Attributes:
        value: the samples' terms of the objective, added up.
        sums: float64 (B, d), Σ wᵢ·fᵢ over the samples of each free centroid.
        weights: float64 (K,), Σ wᵢ over the samples of each centroid.
    """

    value: float
    sums: Doubles
    weights: Doubles


Weigh = Callable[[Integers, Integers, Floats], tuple[Doubles, Doubles]]
"""(rows, numbers of their centroids, cosines to these) → (terms of the objective, weights wᵢ of the pull)."""


def ready_for_steps(vectors: UnitVectors, sample: int, held_numbers: int = HELD_NUMBERS) -> UnitVectors:
    """The vectors, read once and for all where they are few and each step uses them all."""
    if len(vectors) > sample or len(vectors) * vectors.width > held_numbers:
        return vectors
    return Vectors(vectors.read(slice(None)))


def frozen_centroids(vectors: UnitVectors, centroids: Floats) -> Frozen:
    """Frozen centroids with their assignment. Cost: N·L·d multiply-adds, once for all steps."""
    return Frozen(centroids, assign_to_centroids(vectors, centroids))


def assign_to_centroids(vectors: UnitVectors, centroids: Floats) -> Assignment:
    """Each sample's most similar centroid.

    Args:
        vectors: N samples.
        centroids: float32 (K, d), of length 1; K may be 0.

    Cost: N·K·d multiply-adds; memory of a block of similarities a core.
    """
    found = Assignment(np.zeros(len(vectors), np.int64), np.full(len(vectors), -2, np.float32))

    def fill(rows: slice) -> None:
        found.nearest[rows], found.cosines[rows] = _most_similar(vectors.read(rows), centroids)

    if len(centroids):
        for _ in blocks_in_turn(len(vectors), fill, block_rows_for(len(centroids))):
            pass
    return found


def pull_of_samples(
    vectors: UnitVectors, rows: Integers | None, free: Floats, weigh: Weigh, frozen: Frozen | None = None
) -> Pull:
    """Assign samples to their most similar centroids and add up what they pull.

    Args:
        vectors: N samples.
        rows: those to use, (n,); None for all.
        free: float32 (B, d), of length 1.
        weigh: terms and weights of samples.
        frozen: centroids that attract samples too.

    Cost: n·B·d multiply-adds in matrix products, and n·d for the sums; memory of a block of similarities a core.
    """
    pulled = np.arange(len(vectors)) if rows is None else rows
    value, sums = 0.0, np.zeros(free.shape)
    weights = np.zeros(len(free) + (len(frozen.centroids) if frozen else 0))

    def pull(block: slice) -> tuple[float, Integers, Floats, Integers, Doubles]:
        chosen = pulled[block]
        samples = vectors.read(block if rows is None else chosen)
        numbers, cosines = _most_similar(samples, free)
        if frozen is not None:
            held = frozen.assignment.cosines[chosen] > cosines
            numbers = np.where(held, len(free) + frozen.assignment.nearest[chosen], numbers)
            cosines = np.where(held, frozen.assignment.cosines[chosen], cosines)
        terms, shares = weigh(chosen, numbers, cosines)
        present, positions = np.unique(numbers, return_inverse=True)
        moved = int(np.searchsorted(present, len(free)))
        mixing = scipy.sparse.csr_array(
            (shares.astype(np.float32), (positions, np.arange(len(chosen)))), shape=(len(present), len(chosen))
        )
        masses: Doubles = np.bincount(positions, shares, len(present)).astype(np.float64)
        return float(terms.sum()), present[:moved], mixing[:moved] @ samples, present, masses

    for term, moved, towards, present, masses in blocks_in_turn(len(pulled), pull, block_rows_for(len(free))):
        value += term
        sums[moved] += towards
        weights[present] += masses
    return Pull(value, sums, weights)


def _most_similar(samples: Floats, centroids: Floats) -> tuple[Integers, Floats]:
    cosines, numbers = most_similar(samples, centroids)
    return numbers[:, 0], cosines[:, 0]


def start_rows(ids: npt.NDArray[np.str_], count: int, *key: object) -> Integers:
    """Distinct rows to start centroids at, drawn by the ids and a key, (count,)."""
    return np.argsort(keyed_order(ids, *key, "start"), kind="stable")[:count]


def drawn_rows(size: int, sample: int, generator: np.random.Generator) -> Integers | None:
    """Rows for one step: `sample` of them at random in rising order, or None for all where there are no more."""
    if size <= sample:
        return None
    return np.sort(generator.choice(size, sample, replace=False, shuffle=False))


def drawn_by_weight(cumulated: Doubles, draws: int, generator: np.random.Generator) -> tuple[Integers, Doubles]:
    """Samples drawn with replacement in proportion to their weights, one draw from each equal part of the weight.

    Args:
        cumulated: weights added up from the first sample to each, (N,), N ≥ 1; the last is above 0.
        draws: how many draws.
        generator: what they depend on.

    Returns:
        Distinct rows in rising order, (n,), and the share of the draws that fell on each, which add up to 1. A sum over
        the rows by their shares is an unbiased estimate of the sum over all samples by their shares of the weight.

    Source: stratified resampling, Kitagawa, Journal of Computational and Graphical Statistics 5 (1996).
    Cost: O(draws·log N).
    """
    parts = (np.arange(draws) + generator.random(draws)) * (cumulated[-1] / draws)
    rows, counts = np.unique(np.searchsorted(cumulated[:-1], parts, side="right"), return_counts=True)
    return rows, counts / draws
