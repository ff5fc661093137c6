"""BAIT in its binary form: the samples from which the last layer learns the most about the whole pool.

Whether the predicted class is right is taken for a question with two answers. A sample's Fisher information about the
last layer is then x·xᵀ with x = √(p(1 - p))·h, where p is the probability of the predicted class and h what the last
layer sees; of BAIT's C·d dimensions d are left.

Source: Ash et al., Gone Fishing, NeurIPS 2021 (BAIT); Huseljic et al., Fast Fishing, 2024 (binary form).
Cost: O(N·d²) multiply-adds for the information of the pool, then O(M·d) for each of 2·budget picks among M candidates.
    Memory of M·d numbers in float32.

Forward and backward selection for the least expected loss that the Fisher information allows.

With M the information of what is labelled and picked and F that of the pool, tr(M⁻¹F) bounds the expected excess loss.
Each sample's information is x·xᵀ. Picks are added one by one, each that which lowers the trace the most, up to twice as
many as are wanted; then they are taken back one by one, each that which raises it the least.

M⁻¹ is never applied to the pool again: for all samples xᵀM⁻¹x and xᵀM⁻¹FM⁻¹x are kept, and a pick changes both by two
inner products a sample.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import BLOCK_ROWS, blocks_of, for_each_block
from labelcycle.components.core.features.matmul import matmul
from labelcycle.components.core.features.ordering import keyed_order, sampled
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.uncertainty import confidence
from labelcycle.components.select.checks import require_above, require_at_least
from labelcycle.components.select.last_layer import HeadNormalisation
from labelcycle.components.select.points import Floats, Vectors
from labelcycle.components.select.ranking import score_by_block
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
AnyFloats = npt.NDArray[np.floating]

EQUAL = 1e-6
"""Changes of the trace that differ by less than this share are equal."""

RECOMPUTED_AFTER = 4
"""After so many picks, and each time so many times as many, everything is recomputed, without the rounding errors
that were made while numbers were larger."""

SURPLUS = 2
"""So many times the budget is picked before picks are taken back, as in BAIT."""


@dataclass
class _Information:
    """M⁻¹, and what it does to each of the candidates.

    Attributes:
        inverse: M⁻¹, (d, d).
        of_pool: F, (d, d).
        leverages: xᵀM⁻¹x, (M,).
        benefits: xᵀM⁻¹FM⁻¹x, (M,).
    """

    inverse: Doubles
    of_pool: Doubles
    leverages: Doubles
    benefits: Doubles

    @property
    def trace(self) -> float:
        """tr(M⁻¹F)."""
        return float(np.einsum("ij,ji->", self.inverse, self.of_pool))

    def change(self, vectors: AnyFloats, row: int, sign: int) -> None:
        """Add a candidate to M (sign 1) or take it out (sign -1), by the formula of Sherman and Morrison."""
        across = self.inverse @ vectors[row].astype(np.float64)
        through = self.inverse @ (self.of_pool @ across)
        scale = 1 + sign * float(vectors[row].astype(np.float64) @ across)
        square = float(across @ self.of_pool @ across)
        both = np.stack([across, through], axis=1).astype(vectors.dtype)

        def change_block(rows: slice) -> None:
            products = (vectors[rows] @ both).astype(np.float64)
            first, second = products[:, 0], products[:, 1]
            self.leverages[rows] -= sign * np.square(first) / scale
            self.benefits[rows] += np.square(first) * (square / scale**2) - (2 * sign / scale) * first * second

        for_each_block(len(vectors), change_block)
        self.inverse -= (sign / scale) * np.outer(across, across)


def information(vectors: Floats) -> Doubles:
    """The sum of x·xᵀ over the rows of a block, float64 (d, d). O(n·d²) multiply-adds."""
    return matmul(np.ascontiguousarray(vectors.T), vectors).astype(np.float64)


def select_by_information(
    vectors: Floats, of_pool: Doubles, known: Doubles, ties: npt.NDArray[np.uint64], budget: int
) -> tuple[Rows, Doubles]:
    """Rows of the picks in the order in which they were added, and by what share each lowered the trace then.

    Args:
        vectors: float32 (M, d), factors x of the candidates' information.
        of_pool: F, (d, d).
        known: information of what is labelled, (d, d), regularised, so that it has an inverse.
        ties: (M,), decides between equal changes, the smaller first.
        budget: number of picks, 1 ≤ budget ≤ M.

    Source: Ash et al., Gone Fishing, NeurIPS 2021, Algorithm 1.
    Cost: O(M·d²) multiply-adds, then O(M·d + d²) for each of 2·budget picks; memory of 2·d² and 2·M numbers.
    """
    added, shares = _add(vectors, of_pool, known, ties, min(SURPLUS * budget, len(ties)))
    chosen = vectors[added].astype(np.float64)
    kept = _take_back(chosen, of_pool, known, ties[added], len(added) - budget)
    return added[kept], shares[kept]


def _inverse(matrix: Doubles) -> Doubles:
    return np.linalg.inv(matrix).astype(np.float64, copy=False)


def _start(vectors: AnyFloats, of_pool: Doubles, inverse: Doubles) -> _Information:
    between = inverse @ of_pool @ inverse
    leverages, benefits = np.empty(len(vectors)), np.empty(len(vectors))

    def fill(rows: slice) -> None:
        block = vectors[rows]
        for matrix, result in ((inverse, leverages), (between, benefits)):
            result[rows] = np.einsum("nd,nd->n", block @ matrix.astype(block.dtype), block)

    for_each_block(len(vectors), fill)
    return _Information(inverse.copy(), of_pool, leverages, benefits)


def _add(
    vectors: Floats, of_pool: Doubles, known: Doubles, ties: npt.NDArray[np.uint64], count: int
) -> tuple[Rows, Doubles]:
    state = _start(vectors, of_pool, _inverse(known))
    recomputed = RECOMPUTED_AFTER
    rows, shares = np.empty(count, np.int64), np.empty(count)
    free = np.ones(len(vectors), np.bool_)
    for rank in range(count):
        if rank == recomputed:
            chosen = vectors[rows[:rank]].astype(np.float64)
            state = _start(vectors, of_pool, _inverse(known + chosen.T @ chosen))
            recomputed *= RECOMPUTED_AFTER
        lowered = np.where(free, np.maximum(state.benefits, 0) / (1 + np.maximum(state.leverages, 0)), -1)
        best = np.flatnonzero(lowered >= lowered.max() * (1 - EQUAL))
        row = int(best[ties[best].argmin()])
        trace = state.trace
        rows[rank], shares[rank] = row, lowered[row] / trace if trace > 0 else 0
        free[row] = False
        state.change(vectors, row, 1)
    return rows, shares


def _take_back(chosen: Doubles, of_pool: Doubles, known: Doubles, ties: npt.NDArray[np.uint64], count: int) -> Rows:
    """Which of the picks are left, ascending, after `count` were taken back."""
    state = _start(chosen, of_pool, _inverse(known + chosen.T @ chosen))
    left = np.ones(len(chosen), np.bool_)
    for _ in range(count):
        raised = np.where(left, np.maximum(state.benefits, 0) / np.maximum(1 - state.leverages, EQUAL), np.inf)
        least = np.flatnonzero(raised <= raised.min() * (1 + EQUAL))
        row = int(least[ties[least].argmax()])
        left[row] = False
        state.change(chosen, row, -1)
    return np.flatnonzero(left)


BLOCKS_AT_ONCE = 4
"""Information of so many blocks is in memory at a time."""

A_PICK = 4
"""There are at least so many candidates a pick."""


@strategy(needs={"features", "probs", "head"}, uses={"labelled_features"}, version=2)
def bait(pool: Candidates, budget: int, seed: int, regularisation: float = 1.0, candidates: int = 12_000) -> Picks:
    """Samples that minimise tr(M⁻¹F), the expected excess loss over the pool, added greedily and half taken back.

    F is the mean information of all samples, M the sum over labelled and picked ones and λ in every direction.

    Args:
        pool: `features` (N, d), `probs` (N, C), `head`, whose batch normalisation gives what the last layer sees;
            `labelled_features` (L, d) where there are labels.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides, with the ids, which samples of a larger pool are candidates.
        regularisation: λ, as a multiple of the information that a sample gives in one direction on average, above 0.
        candidates: picks come from a random sample of so many, at least four a pick.

    Raises:
        ConfigurationError: a regularisation that is not above 0, no candidates.

    The score is the share by which a pick lowered tr(M⁻¹F) when it was added; picks are in that order.

    Version 1 had 20,000 candidates, which took more memory than the features of such a pool and gave the same tr(M⁻¹F).
    """
    require_above("regularisation", regularisation, 0)
    require_at_least("candidates", candidates, 1)
    assert pool.features is not None and pool.probs is not None and pool.head is not None
    sure = score_by_block(pool.probs, confidence)
    prepare = HeadNormalisation(pool.head)
    of_pool = _information_of(Vectors(pool.features, prepare), sure)
    scale = float(np.trace(of_pool)) / len(of_pool)
    known = regularisation * (scale if scale > 0 else 1.0) * np.eye(len(of_pool))
    if pool.labelled_features is not None and len(pool.labelled_features):
        known += len(pool.labelled_features) * _of_labelled(pool.head, pool.labelled_features)
    among = sampled(pool.ids, max(candidates, A_PICK * budget), seed, pool.cycle, "bait candidates")
    factors = Vectors(pool.features, prepare).read(among)
    factors *= _deviation(sure[among])
    picks, shares = select_by_information(factors, of_pool, known, keyed_order(pool.ids[among], "ties"), budget)
    rows = among[picks]
    reasons = [
        f"confidence {value:.3f}; lowers the expected loss over the pool by {100 * share:.2g} %"
        for value, share in zip(sure[rows].tolist(), shares.tolist(), strict=True)
    ]
    return Picks(rows, shares, reasons)


def _information_of(points: Vectors, sure: Floats) -> Doubles:
    """The mean information of all points, (d, d), added up in the order of blocks."""
    total = np.zeros((points.width, points.width))
    for part in blocks_of(len(points), BLOCKS_AT_ONCE * BLOCK_ROWS):

        def of_block(rows: slice, start: int = part.start) -> Doubles:
            inside = slice(start + rows.start, start + rows.stop)
            return information(points.read(inside) * _deviation(sure[inside]))

        for found in for_each_block(part.stop - part.start, of_block):
            total += found
    return total / len(points)


def _of_labelled(head: LinearHead, features: npt.NDArray[np.floating]) -> Doubles:
    sure = np.concatenate(for_each_block(len(features), lambda rows: confidence(head.probabilities(features[rows]))))
    return _information_of(Vectors(features, HeadNormalisation(head)), sure)


def _deviation(sure: npt.NDArray[np.floating]) -> Floats:
    """√(p(1 - p)) as a column; 0 where rounding puts p above 1."""
    return np.asarray(np.sqrt(np.maximum(sure * (1 - sure), 0))[:, None], np.float32)
