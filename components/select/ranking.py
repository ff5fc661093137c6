"""Ranking by a score, with ties broken by id, and the class-balanced form of it."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.ordering import keyed_order


def best_first(scores: npt.NDArray[np.floating], ids: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """Row indices by falling score; equal scores in the order of a hash of the id. O(N log N)."""
    order: npt.NDArray[np.int64] = np.lexsort((keyed_order(ids, "ties"), -scores.astype(np.float64)))
    return order


def balance_classes(
    ranked: npt.NDArray[np.int64], predicted: npt.NDArray[np.integer], classes: int, budget: int
) -> npt.NDArray[np.int64]:
    """The best rows of each predicted class, an equal number of each as far as they go.

    Args:
        ranked: all N row indices, best first.
        predicted: predicted class of each row, (N,).
        classes: C.
        budget: how many to choose, at most N.

    Returns:
        `budget` row indices, in the order of `ranked`. Each class gets budget // C; the remainder goes to the classes
        whose next-best row ranks highest; what a class cannot fill goes to the best rows left of any class.

    Source: PEAL, section 4.3 (ablation), which leaves the remainder and short classes open.
    """
    quota, remainder = divmod(budget, classes)
    by_class = predicted[ranked]
    place = np.empty(len(ranked), dtype=np.int64)
    for number in range(classes):
        members = np.flatnonzero(by_class == number)
        place[members] = np.arange(len(members))
    chosen = place < quota
    next_best = np.flatnonzero(place == quota)[:remainder]
    chosen[next_best] = True
    left = np.flatnonzero(~chosen)[: budget - int(chosen.sum())]
    chosen[left] = True
    return ranked[chosen]
