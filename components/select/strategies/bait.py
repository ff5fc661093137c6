"""BAIT in its binary form: the samples from which the last layer learns the most about the whole pool.

Whether the predicted class is right is taken for a question with two answers. A sample's Fisher information about the
last layer is then x·xᵀ with x = √(p(1 - p))·h, where p is the probability of the predicted class and h what the last
layer sees; of BAIT's C·d dimensions d are left.

Source: Ash et al., Gone Fishing, NeurIPS 2021 (BAIT); Huseljic et al., Fast Fishing, 2024 (binary form).
Cost: O(N·d²) multiply-adds for the information of the pool, then O(M·d) for each of 2·budget picks among M candidates.
    Memory of M·d numbers in float32.
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.blocks import BLOCK_ROWS, blocks_of, for_each_block
from labelcycle.components.core.head import LinearHead
from labelcycle.components.core.ordering import keyed_order
from labelcycle.components.core.sampling import sampled
from labelcycle.components.core.uncertainty import confidence
from labelcycle.components.select.fisher import Doubles, information, select_by_information
from labelcycle.components.select.head_normalisation import HeadNormalisation
from labelcycle.components.select.parameters import require_above, require_at_least
from labelcycle.components.select.points import Floats, Vectors
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks
from labelcycle.components.select.uncertain import score_by_block

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
