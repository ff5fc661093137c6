"""Margin: ask where the two most likely classes are close.

Source: Scheffer, Decomain and Wrobel, IDA 2001; a baseline of DropQuery and ASVP.
Cost: O(N·C + N log N) time, O(N) memory beside the probabilities.
"""

from labelcycle.components.core.uncertainty import margin as difference_of_best_two
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks
from labelcycle.components.select.uncertain import most_uncertain, score_by_block


@strategy(needs={"probs"}, options={"cluster_features": {"features"}})
def margin(
    pool: Candidates, budget: int, seed: int, class_balanced: bool = False, cluster_features: bool = False
) -> Picks:
    """The samples of smallest margin p₁ - p₂. The score is its negative.

    Args:
        pool: `probs` (N, C); `features` (N, d) where they are clustered.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the clusters; ties break by id.
        class_balanced: take an equal number from each predicted class.
        cluster_features: cluster the most uncertain, and take one of each cluster.
    """
    assert pool.probs is not None
    scores = -score_by_block(pool.probs, difference_of_best_two)
    return most_uncertain(pool, scores, budget, seed, "margin", class_balanced, cluster_features)
