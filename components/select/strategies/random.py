"""Random: every unlabelled sample is as likely as any other.

Source: the baseline of all four papers.
Cost: O(N log N) time, O(N) memory.
"""

import numpy as np

from labelcycle.components.core.ordering import keyed_order
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
