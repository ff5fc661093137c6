"""Random: every unlabelled sample is as likely as any other.

Source: the baseline of all four papers.
Cost: O(N log N) time, O(N) memory.

k-means: one sample from the centre of each region of the pool. The cold start of DropQuery.

Source: DropQuery, section 3 (centroids as the initial query).
Cost: O(B·d) multiply-adds a sample and iteration; memory of one block of rows a core beside the features.
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.checks import require_at_least
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


@strategy(needs={"features"}, options={"probabilities": {"probs"}}, version=2)
def kmeans(pool: Candidates, budget: int, seed: int, probabilities: float = 0.0) -> Picks:
    """The samples nearest to the centres of `budget` clusters of the L2-normalised features, largest clusters first.

    Args:
        pool: `features` (N, d); `probs` (N, C) where these count.
        budget: number of clusters and picks, 1 ≤ budget ≤ N.
        seed: decides the start of k-means.
        probabilities: what they count beside features, at least 0: a sample is its features at length 1 and its
            probabilities at so many times their length, side by side. Regions are then also such of one class.

    Raises:
        ConfigurationError: `probabilities` below 0.

    With `probabilities` memory for (N, d + C) numbers of float16 besides.
    """
    require_at_least("probabilities", probabilities, 0)
    assert pool.features is not None
    points = pool.features
    if probabilities:
        assert pool.probs is not None
        points = _side_by_side(Vectors(pool.features, unit_length), pool.probs, probabilities)
    return cluster_picks(Vectors(points, unit_length), pool.ids, budget, (seed, pool.cycle, "kmeans"))


def _side_by_side(points: Vectors, probs: npt.NDArray[np.floating], times: float) -> npt.NDArray[np.floating]:
    """Points and as many times their probabilities: float16 (N, d + C)."""
    joined = np.empty((len(points), points.width + probs.shape[1]), np.float16)

    def fill(rows: slice) -> None:
        joined[rows, : points.width] = points.read(rows)
        joined[rows, points.width :] = times * probs[rows]

    for_each_block(len(points), fill)
    return joined
