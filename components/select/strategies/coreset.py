"""Coreset (k-center greedy): cover the pool, each pick the farthest from all before it.

Source: Sener and Savarese, ICLR 2018, Algorithm 1.
Cost: O((L + B)·N·d) multiply-adds in matrix products; O(N) memory beside the features, never N×L.
"""

import numpy as np

from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.distances import farthest_first, lower_to_nearest, medoid, nearest_among
from labelcycle.components.select.points import Vectors
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks


@strategy(needs={"features"}, uses={"labelled_features"}, version=2)
def coreset(pool: Candidates, budget: int, seed: int) -> Picks:
    """The samples of a furthest-first traversal that starts from the labelled ones.

    Args:
        pool: `features` (N, d); `labelled_features` (L, d), without which the traversal starts at the medoid.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: unused, ties break by id; here so that every strategy is called alike.

    The score is the distance to the nearest labelled sample or earlier pick.
    """
    assert pool.features is not None
    points = Vectors(pool.features)
    ties = keyed_order(pool.ids, "ties")
    start = np.empty(0, np.int64)
    if pool.labelled_features is not None and len(pool.labelled_features):
        nearest = nearest_among(points, Vectors(pool.labelled_features))
    else:
        start = np.array([medoid(points, ties)])
        nearest = np.full(len(pool), np.inf, np.float32)
        lower_to_nearest(nearest, points, points.at(start))
        nearest[start] = -1
    rows, distances = start, np.zeros(len(start))
    if budget > len(start):
        found, squared = farthest_first(points, nearest, ties, budget - len(start))
        rows, distances = np.concatenate([start, found]), np.concatenate([distances, np.sqrt(squared)])
    reasons = [f"distance {distance:.3f} from all labelled and picked" for distance in distances]
    if len(start):
        reasons[0] = "the middle of the pool"
    return Picks(rows, distances, reasons)
