"""Top-K loss: the samples that the current model's loss is largest on, however alike they are.

Source: VeCAF, section 3.1 (the selection without diversity, λ = 0) and table 2, where it is a baseline.
Cost: O(N + B log B) time; 8 bytes a sample.
"""

import numpy as np

from labelcycle.components.select.ranking import best_first
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks


@strategy(needs={"losses"})
def topk_loss(pool: Candidates, budget: int, seed: int) -> Picks:
    """The samples of largest loss. The score is the loss.

    Args:
        pool: `losses` (N,); needs a pool whose labels are known.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: unused, ties break by id; here so that every strategy is called alike. While no model is known all losses
            are equal, and a first query is better drawn at random.
    """
    assert pool.losses is not None
    rows = best_first(pool.losses, pool.ids, budget)
    values = pool.losses[rows].astype(np.float64)
    return Picks(rows, values, [f"loss {value:.3f}" for value in values.tolist()])
