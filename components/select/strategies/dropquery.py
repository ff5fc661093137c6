"""DropQuery: among samples whose predicted class changes when features are dropped, one from each cluster.

Source: Gupte et al., 2024, section 4; number of candidates and their relaxation as in the authors' code.
Cost: O(M·N·d·C) for the passes, unless the score stage has made them, then k-means on the candidates; memory of N
    numbers and one block of rows a core beside the features.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.models.dropout import disagreements
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.uncertainty import margin
from labelcycle.components.select.clustering import cluster_picks
from labelcycle.components.select.last_layer import HeadNormalisation
from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.ranking import score_by_block
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

ENOUGH = 25
"""The threshold is lowered while there are fewer candidates than so many a pick."""


@strategy(needs={"features", "head"}, uses={"disagreements"}, version=3)
def dropquery(
    pool: Candidates,
    budget: int,
    seed: int,
    passes: int = 3,
    rate: float = 0.75,
    fill: Literal["disagreement", "random"] = "disagreement",
) -> Picks:
    """Candidates on which more than half of the passes disagree, clustered; the sample nearest to each centre.

    While there are fewer than 25 · budget candidates, one disagreeing pass less makes a candidate; at least one has to
    disagree. Fewer than `budget` are filled up. Clusters are made of the L2-normalised output of the head's batch
    normalisation.

    Version 1 took the whole pool as candidates where M is odd and too few passes disagreed.

    Args:
        pool: `features` (N, d), `head`; `disagreements` (N,) where the score stage has counted them.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the dropout masks and the start of k-means.
        passes: M, passes with dropout.
        rate: share of the features that is dropped.
        fill: what fills up where there are fewer candidates than picks: those of most disagreements and, among
            equals, of smallest margin; or random ones, as the authors do.

    Raises:
        ConfigurationError: more disagreements than passes, or another way to fill.
    """
    assert pool.features is not None and pool.head is not None
    if fill not in ("disagreement", "random"):
        raise ConfigurationError(f"fill is 'disagreement' or 'random'; got {fill!r}.")
    counts = pool.disagreements
    if counts is None:
        counts = disagreements(pool.head, pool.features, pool.ids, seed, pool.cycle, passes, rate)
    elif counts.max(initial=0) > passes:
        raise ConfigurationError(
            f"Up to {int(counts.max())} passes disagree, but passes is {passes}. Give the number that was scored with."
        )
    counts = counts.astype(np.int64)
    rows = _candidates(counts, passes, budget)
    if len(rows) < budget:
        rows = np.concatenate([rows, _filling(pool, pool.head, counts, rows, budget, seed, fill)])
    rows = np.sort(rows)
    normalise = HeadNormalisation(pool.head)
    vectors = Vectors(
        pool.features[rows] if len(rows) < len(pool) else pool.features,
        lambda features: unit_length(normalise(features)),
    )
    found = cluster_picks(vectors, pool.ids[rows], budget, (seed, pool.cycle, "dropquery"))
    chosen = rows[found.rows]
    reasons = [
        f"{count} of {passes} passes disagree; {reason}"
        for count, reason in zip(counts[chosen], found.reasons, strict=True)
    ]
    return Picks(chosen, counts[chosen].astype(np.float64), reasons, found.clusters, found.represents)


def _candidates(counts: npt.NDArray[np.integer], passes: int, budget: int) -> npt.NDArray[np.int64]:
    """Rows of more than M // 2 disagreements, of one less while they are too few, but never of none."""
    threshold = passes // 2
    rows = np.flatnonzero(counts > threshold)
    while len(rows) < ENOUGH * budget and threshold > 0:
        threshold -= 1
        rows = np.flatnonzero(counts > threshold)
    return rows


def _filling(
    pool: Candidates,
    head: LinearHead,
    counts: npt.NDArray[np.integer],
    rows: npt.NDArray[np.int64],
    budget: int,
    seed: int,
    fill: str,
) -> npt.NDArray[np.int64]:
    """As many rows as are missing."""
    assert pool.features is not None
    left = np.setdiff1d(np.arange(len(pool)), rows)
    if fill == "random":
        order = np.argsort(keyed_order(pool.ids[left], seed, pool.cycle, "dropquery fill"), kind="stable")
    else:
        margins = score_by_block(pool.features[left], lambda features: margin(head.probabilities(features)))
        order = np.lexsort((keyed_order(pool.ids[left], "ties"), margins, -counts[left]))
    return left[order[: budget - len(rows)]]
