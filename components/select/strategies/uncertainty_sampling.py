"""Uncertainty sampling by confidence, margin or entropy: ask where the predicted distribution is the least decided.

Source: confidence: Lewis and Gale, SIGIR 1994; margin: Scheffer, Decomain and Wrobel, IDA 2001; entropy: PEAL, section
    3.3.1, with its class-balanced form in section 4.3. The clustered form: DropQuery, ablations.
Cost: O(N·C + N log N) time, O(N) memory beside the probabilities.
"""

from labelcycle.components.core.models.uncertainty import confidence as largest_probability
from labelcycle.components.core.models.uncertainty import entropy as shannon_entropy
from labelcycle.components.core.models.uncertainty import margin as difference_of_best_two
from labelcycle.components.select.ranking import most_uncertain, score_by_block
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks


@strategy(needs={"probs"}, options={"cluster_features": {"features"}}, version=2)
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


@strategy(needs={"probs"}, options={"cluster_features": {"features"}}, version=2)
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


@strategy(needs={"probs"}, options={"cluster_features": {"features"}}, version=2)
def entropy(
    pool: Candidates, budget: int, seed: int, class_balanced: bool = False, cluster_features: bool = False
) -> Picks:
    """The samples of largest Shannon entropy (nats).

    Args:
        pool: `probs` (N, C); `features` (N, d) where they are clustered.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the clusters; ties break by id.
        class_balanced: take an equal number from each predicted class.
        cluster_features: cluster the most uncertain, and take one of each cluster.
    """
    assert pool.probs is not None
    scores = score_by_block(pool.probs, shannon_entropy)
    return most_uncertain(pool, scores, budget, seed, "entropy", class_balanced, cluster_features)
