"""Entropy: ask where the predicted distribution is the least decided.

Source: PEAL, section 3.3.1; class-balanced form, section 4.3.
Cost: O(N·C + N log N) time, O(N) memory beside the probabilities.
"""

import numpy as np

from labelcycle.components.core.uncertainty import entropy as shannon_entropy
from labelcycle.components.select.ranking import balance_classes, best_first
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks


@strategy(needs={"probs"})
def entropy(pool: Candidates, budget: int, seed: int, class_balanced: bool = False) -> Picks:
    """The samples of largest Shannon entropy (nats).

    Args:
        pool: `probs` (N, C).
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: unused, ties break by id; here so that every strategy is called alike.
        class_balanced: take an equal number from each predicted class.
    """
    assert pool.probs is not None
    scores = shannon_entropy(pool.probs).astype(np.float64)
    rows = best_first(scores, pool.ids)
    if class_balanced:
        rows = balance_classes(rows, pool.probs.argmax(axis=1), pool.probs.shape[1], budget)
    rows = rows[:budget]
    return Picks(rows, scores[rows], [f"entropy {score:.3f}" for score in scores[rows]])
