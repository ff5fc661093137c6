"""Featdist: ask where a sample lies far from the labelled samples of the class that it is predicted to be.

Source: PEAL, section 3.3.2 and Algorithm 1 (largest distance); the class mean instead, in a later code of its authors.
Cost: O(N·Lc·d) multiply-adds, Lc labelled samples of a class; memory of the largest class and one block a core.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.blocks import blocks_of, for_each_block
from labelcycle.components.core.features.neighbours import most_similar, nearest, squared_norms
from labelcycle.components.select.points import Vectors, squared_distances, vector_block
from labelcycle.components.select.ranking import most_uncertain
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

Reduce = Literal["max", "mean", "min"]
Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Reduced = Callable[[Floats, Floats], Floats]
"""(points (n, d), samples of a class (m, d)) → a distance to the class for each point, (n,)."""


def _largest(points: Floats, of_class: Floats) -> Floats:
    """‖x - y‖² = ‖x‖² + (x, 1)·(-2y, ‖y‖²), so that the farthest y is the most similar in one coordinate more."""
    ones = np.ones((len(points), 1), np.float32)
    turned = np.column_stack([-2 * of_class, squared_norms(of_class)])
    values, _ = most_similar(np.hstack([points, ones]), turned)
    squared: Floats = np.maximum(0, squared_norms(points) + values[:, 0])
    return np.sqrt(squared)


def _mean(points: Floats, of_class: Floats) -> Floats:
    block, sums = vector_block(points), np.zeros(len(points), np.float32)
    for rows in blocks_of(len(of_class)):
        sums += np.sqrt(squared_distances(block, vector_block(of_class[rows]))).sum(axis=1)
    return sums / np.float32(len(of_class))


def _smallest(points: Floats, of_class: Floats) -> Floats:
    return np.sqrt(nearest(points, of_class)[0][:, 0])


REDUCED: dict[str, Reduced] = {"max": _largest, "mean": _mean, "min": _smallest}


@strategy(needs={"features", "probs", "labelled_features", "labelled_classes"}, version=2)
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
    if reduce not in REDUCED:
        raise ConfigurationError(f"reduce is one of {', '.join(REDUCED)}; got {reduce!r}.")
    if not len(pool.labelled_features):
        raise ConfigurationError("Strategy 'featdist' needs labelled samples; there is none yet.")
    points, labelled, classes = Vectors(pool.features), Vectors(pool.labelled_features), pool.labelled_classes
    predicted = pool.probs.argmax(axis=1)
    scores = np.empty(len(pool), np.float32)
    for number in np.unique(predicted):
        mine = np.flatnonzero(predicted == number)
        members = np.flatnonzero(classes == number)
        of_class = labelled.read(members if len(members) else slice(None))
        reduced = REDUCED[reduce if len(members) else "min"]

        def measure(rows: slice, mine: Rows = mine, of_class: Floats = of_class, reduced: Reduced = reduced) -> None:
            scores[mine[rows]] = reduced(points.read(mine[rows]), of_class)

        for_each_block(len(mine), measure)
    return most_uncertain(pool, scores, budget, seed, "distance", class_balanced, cluster_features=False)
