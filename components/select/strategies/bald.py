"""BALD: ask where predictions under dropout are each decided, but for different classes.

Source: Houlsby et al., 2011; with dropout, Gal, Islam and Ghahramani, ICML 2017; 20 passes, DropQuery, ablations.
Cost: O(M·N·d·C) time for the passes, unless the score stage has made them; O(N) memory beside the features.
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.dropout import Place, mutual_information
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks
from labelcycle.components.select.uncertain import most_uncertain


@strategy(
    uses={"mutual_information", "head", "features"},
    options={"class_balanced": {"probs"}, "cluster_features": {"features"}},
)
def bald(
    pool: Candidates,
    budget: int,
    seed: int,
    class_balanced: bool = False,
    cluster_features: bool = False,
    passes: int = 20,
    rate: float = 0.5,
    place: Place = "features",
) -> Picks:
    """The samples of largest mutual information (nats) between the prediction and the dropout mask.

    Args:
        pool: `mutual_information` (N,), or `head` and `features` (N, d) to compute it from; `probs` (N, C) where
            classes are balanced.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the dropout masks and the clusters; ties break by id.
        class_balanced: take an equal number from each predicted class.
        cluster_features: cluster the most uncertain, and take one of each cluster.
        passes: passes with dropout; unused where mutual information is given.
        rate: share of the features that is dropped; likewise.
        place: where dropout acts; likewise.
    """
    scores = information_of(pool, seed, passes, rate, place, "bald")
    return most_uncertain(pool, scores, budget, seed, "mutual information", class_balanced, cluster_features)


def information_of(
    pool: Candidates, seed: int, passes: int, rate: float, place: Place, asking: str
) -> npt.NDArray[np.floating]:
    """Mutual information of each candidate, (N,): what the score stage found, or from passes with dropout.

    Raises:
        ConfigurationError: it is not known, and neither are head and features; `asking` is the strategy to name.
    """
    if pool.mutual_information is not None:
        return pool.mutual_information
    if pool.head is None or pool.features is None:
        raise ConfigurationError(
            f"Strategy {asking!r} needs mutual_information, or head and features, which the candidates lack."
        )
    return mutual_information(pool.head, pool.features, pool.ids, seed, pool.cycle, passes, rate, place)
