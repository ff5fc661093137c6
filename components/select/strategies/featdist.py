"""Featdist: ask where a sample lies far from the labelled samples of the class that it is predicted to be.

Source: PEAL, section 3.3.2 and Algorithm 1 (largest distance); the class mean instead, in a later code of its authors.
Cost: O(N·Lc·d) multiply-adds, Lc labelled samples of a class; memory of one block of distances a core.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.select.distances import parts_of
from labelcycle.components.select.points import VectorBlock, Vectors, squared_distances
from labelcycle.components.select.ranking import most_uncertain
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

Reduce = Literal["max", "mean", "min"]
Distances = npt.NDArray[np.float32]
FOLDS: dict[str, Callable[[Distances, Distances], Distances]] = {
    "max": lambda so_far, found: np.maximum(so_far, found.max(axis=1)),
    "mean": lambda so_far, found: so_far + found.sum(axis=1),
    "min": lambda so_far, found: np.minimum(so_far, found.min(axis=1)),
}


@strategy(needs={"features", "probs", "labelled_features", "labelled_classes"})
def featdist(pool: Candidates, budget: int, seed: int, reduce: Reduce = "max", class_balanced: bool = False) -> Picks:
    """The samples farthest from the labelled samples of their predicted class.

    Args:
        pool: `features` (N, d) and `labelled_features` (L, d) of one space, `probs` (N, C), `labelled_classes` (L,).
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: unused, ties break by id; here so that every strategy is called alike.
        reduce: which distance to a class counts: the largest (the paper's), the mean or the smallest.
        class_balanced: take an equal number from each predicted class.

    A sample whose predicted class has no labelled sample is scored by its distance to the nearest labelled sample of
    any class. The score is the L2 distance.
    """
    assert pool.features is not None and pool.probs is not None
    assert pool.labelled_features is not None and pool.labelled_classes is not None
    if reduce not in FOLDS:
        raise ConfigurationError(f"reduce is one of {', '.join(FOLDS)}; got {reduce!r}.")
    if not len(pool.labelled_features):
        raise ConfigurationError("Strategy 'featdist' needs labelled samples; there is none yet.")
    points, labelled, classes = Vectors(pool.features), pool.labelled_features, pool.labelled_classes
    predicted = pool.probs.argmax(axis=1)
    scores = np.empty(len(pool), np.float32)

    def measure(rows: slice) -> None:
        block = points.read(rows)
        for number in np.unique(predicted[rows]):
            mine = predicted[rows] == number
            members = classes == number
            part = Vectors(block[mine]).at(slice(None))
            targets = Vectors(labelled[members] if members.any() else labelled)
            scores[rows][mine] = _distance(part, targets, reduce if members.any() else "min")

    for_each_block(len(pool), measure)
    return most_uncertain(pool, scores, budget, seed, "distance", class_balanced, cluster_features=False)


def _distance(part: VectorBlock, targets: Vectors, reduce: str) -> Distances:
    """The reduced L2 distance of each point of a block to the targets, (b,)."""
    result = np.full(len(part.vectors), np.inf if reduce == "min" else 0, np.float32)
    for block in parts_of(targets):
        result = FOLDS[reduce](result, np.sqrt(squared_distances(part, block)))
    return result / np.float32(len(targets)) if reduce == "mean" else result
