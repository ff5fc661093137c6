"""What all uncertainty strategies share: plain ranking, class balance, and clusters among the most uncertain."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.blocks import for_each_block
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select.clustering import cluster_picks
from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.ranking import balance_classes, best_first
from labelcycle.components.select.strategy import Candidates, Picks

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
        raise ConfigurationError("class_balanced and cluster_features exclude each other. Choose one.")
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
