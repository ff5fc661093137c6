"""Random: every unlabelled sample is as likely as any other.

Source: the baseline of all four papers.
Cost: O(N log N) time, O(N) memory.

k-means: one sample from the centre of each region of the pool. The cold start of DropQuery.

Source: DropQuery, section 3 (centroids as the initial query).
Cost: O(B·d) multiply-adds a sample and iteration; memory of one block of rows a core beside the features.
"""

import numpy as np

from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.clustering import cluster_picks
from labelcycle.components.select.points import Vectors, unit_length
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks


@strategy(needs=set())
def random(pool: Candidates, budget: int, seed: int) -> Picks:
    """Choose uniformly at random, the same for the same (seed, cycle, ids) whatever the order of rows.

    Args:
        pool: `ids` and `cycle` are used.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the draw.
    """
    numbers = keyed_order(pool.ids, seed, pool.cycle, "random")
    rows = np.lexsort((pool.ids, numbers))[:budget]
    return Picks(rows, numbers[rows] / 2**64, ["random"] * budget)


@strategy(needs={"features"}, version=2)
def kmeans(pool: Candidates, budget: int, seed: int) -> Picks:
    """The samples nearest to the centres of `budget` clusters of the L2-normalised features, largest clusters first.

    Args:
        pool: `features` (N, d).
        budget: number of clusters and picks, 1 ≤ budget ≤ N.
        seed: decides the start of k-means.
    """
    assert pool.features is not None
    return cluster_picks(Vectors(pool.features, unit_length), pool.ids, budget, (seed, pool.cycle, "kmeans"))
