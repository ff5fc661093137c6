"""Ranking by a score, with ties broken by id, and the class-balanced form of it."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.ordering import keyed_order


def best_first(
    scores: npt.NDArray[np.floating], ids: npt.NDArray[np.str_], most: int | None = None
) -> npt.NDArray[np.int64]:
    """Row indices by falling score; equal scores in the order of a hash of the id.

    Args:
        scores: (N,).
        ids: (N,).
        most: how many rows are wanted at most; None for all N.

    Cost: O(N + most·log most); ids are hashed only where scores are equal.
    """
    rows = np.arange(len(scores))
    if most is not None and most < len(scores):
        limit = np.partition(scores, len(scores) - most)[len(scores) - most]
        rows = np.flatnonzero(scores >= limit)
    values = scores[rows]
    rows = rows[np.argsort(-values, kind="stable")]
    values = scores[rows]
    equal = np.zeros(len(rows), np.bool_)
    equal[1:] = values[1:] == values[:-1]
    equal[:-1] |= equal[1:]
    ties = np.zeros(len(rows), np.uint64)
    ties[equal] = keyed_order(ids[rows[equal]], "ties")
    return rows[np.lexsort((ties, -values))][:most]


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
