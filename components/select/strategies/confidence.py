"""Confidence: ask where even the most likely class is unlikely.

Source: Lewis and Gale, SIGIR 1994 (least confidence); a baseline of DropQuery, ASVP and VeCAF.
Cost: O(N·C + N log N) time, O(N) memory beside the probabilities.
"""

from labelcycle.components.core.uncertainty import confidence as largest_probability
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks
from labelcycle.components.select.uncertain import most_uncertain, score_by_block


@strategy(needs={"probs"}, options={"cluster_features": {"features"}})
def confidence(
    pool: Candidates, budget: int, seed: int, class_balanced: bool = False, cluster_features: bool = False
) -> Picks:
    """The samples of smallest largest probability. The score is its negative.

    Args:
        pool: `probs` (N, C); `features` (N, d) where they are clustered.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the clusters; ties break by id.
        class_balanced: take an equal number from each predicted class.
        cluster_features: cluster the most uncertain, and take one of each cluster.
    """
    assert pool.probs is not None
    scores = -score_by_block(pool.probs, largest_probability)
    return most_uncertain(pool, scores, budget, seed, "confidence", class_balanced, cluster_features)
