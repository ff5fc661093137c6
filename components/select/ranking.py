"""Ranking by a score, with ties broken by id, and the class-balanced form of it.

What all uncertainty strategies share: plain ranking, class balance, and clusters among the most uncertain.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.clustering import cluster_picks
from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.strategy import Candidates, Picks


def best_first(
    scores: npt.NDArray[np.floating], ids: npt.NDArray[np.str_], most: int | None = None
) -> npt.NDArray[np.int64]:
    """Row indices by falling score; equal scores in the order of a hash of the id.

    Args:
        scores: (N,).
        ids: (N,).
        most: how many rows are wanted at most; None for all N.

    Cost: O(N + most·log most); ids are hashed only where scores are equal.
    """
    rows = np.arange(len(scores))
    if most is not None and most < len(scores):
        limit = np.partition(scores, len(scores) - most)[len(scores) - most]
        rows = np.flatnonzero(scores >= limit)
    values = scores[rows]
    rows = rows[np.argsort(-values, kind="stable")]
    values = scores[rows]
    equal = np.zeros(len(rows), np.bool_)
    equal[1:] = values[1:] == values[:-1]
    equal[:-1] |= equal[1:]
    ties = np.zeros(len(rows), np.uint64)
    ties[equal] = keyed_order(ids[rows[equal]], "ties")
    return rows[np.lexsort((ties, -values))][:most]


def balance_classes(
    ranked: npt.NDArray[np.int64], predicted: npt.NDArray[np.integer], classes: int, budget: int
) -> npt.NDArray[np.int64]:
    """The best rows of each predicted class, an equal number of each as far as they go.

    Args:
        ranked: all N row indices, best first.
        predicted: predicted class of each row, (N,).
        classes: C.
        budget: how many to choose, at most N.

    Returns:
        `budget` row indices, in the order of `ranked`. Each class gets budget // C; the remainder goes to the classes
        whose next-best row ranks highest; what a class cannot fill goes to the best rows left of any class.

    Source: PEAL, section 4.3 (ablation), which leaves the remainder and short classes open.
    """
    quota, remainder = divmod(budget, classes)
    by_class = predicted[ranked]
    rank = np.empty(len(ranked), dtype=np.int64)
    for number in range(classes):
        members = np.flatnonzero(by_class == number)
        rank[members] = np.arange(len(members))
    chosen = rank < quota
    next_best = np.flatnonzero(rank == quota)[:remainder]
    chosen[next_best] = True
    left = np.flatnonzero(~chosen)[: budget - int(chosen.sum())]
    chosen[left] = True
    return ranked[chosen]


SHORT_LIST = 50
"""With `cluster_features`, clusters are made of so many most uncertain candidates a pick. DropQuery, ablations."""


def most_uncertain(
    pool: Candidates,
    scores: npt.NDArray[np.floating],
    budget: int,
    seed: int,
    name: str,
    class_balanced: bool,
    cluster_features: bool,
) -> Picks:
    """The candidates of largest score, optionally spread over classes or over clusters of features.

    Args:
        pool: `probs` where classes are balanced, `features` where features are clustered.
        scores: (N,), larger is more uncertain.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the clusters.
        name: what the score is called in the reasons.
        class_balanced: take an equal number from each predicted class.
        cluster_features: make `budget` clusters of the 50 · budget best by k-means, and take the sample nearest to each
            centre.

    Raises:
        ConfigurationError: both options at once.

    Source: PEAL, section 4.3 (class balance); DropQuery, ablation on diversity (clusters).
    """
    if class_balanced and cluster_features:
        raise ConfigurationError("class_balanced and cluster_features cannot be combined. Choose one.")
    if cluster_features:
        listed = best_first(scores, pool.ids, SHORT_LIST * budget)
        return _clustered(pool, scores, listed, budget, seed, name)
    ranked = best_first(scores, pool.ids, None if class_balanced else budget)
    if class_balanced:
        assert pool.probs is not None
        ranked = balance_classes(ranked, pool.probs.argmax(axis=1), pool.probs.shape[1], budget)
    rows = ranked[:budget]
    values = scores[rows].astype(np.float64)
    return Picks(rows, values, [f"{name} {value:.3f}" for value in np.abs(values).tolist()])


def score_by_block(
    values: npt.NDArray[np.floating], score: Callable[[npt.NDArray[np.floating]], npt.NDArray[np.floating]]
) -> npt.NDArray[np.float32]:
    """`score` of each row, float32 (N,), computed block by block on all cores."""
    result = np.empty(len(values), np.float32)

    def fill(rows: slice) -> None:
        block = values[rows]
        result[rows] = score(block.astype(np.float32) if block.dtype == np.float16 else block)

    for_each_block(len(values), fill)
    return result


def _clustered(
    pool: Candidates,
    scores: npt.NDArray[np.floating],
    listed: npt.NDArray[np.int64],
    budget: int,
    seed: int,
    name: str,
) -> Picks:
    assert pool.features is not None
    listed = np.sort(listed)
    vectors = Vectors(pool.features[listed], unit_length)
    found = cluster_picks(vectors, pool.ids[listed], budget, (seed, pool.cycle, name))
    rows = listed[found.rows]
    values = scores[rows].astype(np.float64)
    reasons = [f"{name} {abs(value):.3f}; {reason}" for value, reason in zip(values, found.reasons, strict=True)]
    return Picks(rows, values, reasons, found.clusters, found.represents)
