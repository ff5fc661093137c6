"""Rare classes: a share of a query for the classes with the fewest labels, whatever the strategy.

Each of these picks is for the class that has the fewest labels by then. It comes from the candidates that the model
takes for that class, and the strategy chooses among them, so that it still teaches something: the candidates that are
likeliest of a rare class bring more labels of it, but a worse model. Classes without any label are never predicted; for
them, an equal share goes to the candidates farthest from all labelled samples.

Source: queries that bring classes to equal counts, by what the model predicts: Bengar, van de Weijer, Fuentes and
    Raducanu, Class-Balanced Active Learning for Image Classification, WACV 2022. They solve a programme over expected
    counts; here each pick counts for its predicted class, as in BASE: Emam et al., Active Learning at the ImageNet
    Scale, 2021.
Cost: that of the strategy on the candidates of each class that gets picks; for classes without labels that of coreset.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.distances import farthest_first, nearest_among
from labelcycle.components.select.points import Vectors
from labelcycle.components.select.strategy import Candidates, Picks, take_rows

Ask = Callable[[Candidates, int], Picks]
Counts = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

NEEDS = frozenset({"probs", "labelled_classes"})
"""Fields of `Candidates` that say which classes are rare, and which candidates are of them."""

USES = frozenset({"features", "labelled_features"})
"""Fields by which candidates of classes without labels are looked for."""


def shared_out(counts: Counts, picks: int) -> Counts:
    """How many of the picks each class gets, each pick the class with the fewest by then: (C,) → (C,).

    Classes without any label count as a group of their own: each of them gets no more than an equal share.

    Args:
        counts: labels of each class, (C,).
        picks: how many there are.

    Cost: O(picks·C).
    """
    shares, fair = np.zeros_like(counts), picks // len(counts)
    for _ in range(picks):
        full = (counts == 0) & (shares >= max(1, fair)) & (counts > 0).any()
        shares[np.where(full, np.iinfo(np.int64).max, counts + shares).argmin()] += 1
    return shares


def picks_of_rare_classes(pool: Candidates, free: Mask, size: int, ask: Ask) -> list[Picks]:
    """Picks for the classes with the fewest labels, with rows of `pool`; fewer where too few are taken for them.

    Args:
        pool: `probs` (N, C) and `labelled_classes` (L,); `features` and `labelled_features` where classes without
            labels are looked for.
        free: which rows may be picked, (N,).
        size: how many to pick at most.
        ask: the strategy, given candidates and how many of them to choose.
    """
    assert pool.probs is not None and pool.labelled_classes is not None
    counts = np.bincount(pool.labelled_classes, minlength=pool.probs.shape[1]).astype(np.int64)
    shares, predicted = shared_out(counts, size), pool.probs.argmax(axis=1)
    free, parts = free.copy(), []
    for number in np.lexsort((np.arange(len(counts)), counts)).tolist():
        if shares[number] == 0 or counts[number] == 0:
            continue
        rows = np.flatnonzero(free & (predicted == number))
        wanted = min(int(shares[number]), len(rows))
        if wanted:
            picks = ask(take_rows(pool, rows), wanted)
            few = "1 label" if counts[number] == 1 else f"{counts[number]} labels"
            reasons = [f"for a class with {few}; {reason}" for reason in picks.reasons]
            parts.append(Picks(rows[picks.rows], picks.scores, reasons, picks.clusters, picks.represents))
            free[rows[picks.rows]] = False
    unseen = int(shares[counts == 0].sum())
    return parts if unseen == 0 else [*parts, _unlike_all_labelled(pool, np.flatnonzero(free), unseen)]


def _unlike_all_labelled(pool: Candidates, rows: Rows, size: int) -> Picks:
    """The candidates farthest from all labelled samples and from each other; none where features are not known."""
    size = min(size, len(rows))
    if pool.features is None or pool.labelled_features is None or not len(pool.labelled_features) or not size:
        return Picks(rows[:0], np.zeros(0), [])
    points = Vectors(pool.features[rows])
    nearest = nearest_among(points, Vectors(pool.labelled_features))
    found, squared = farthest_first(points, nearest, keyed_order(pool.ids[rows], "ties"), size)
    distances = np.sqrt(squared).astype(np.float64)
    reasons = [f"for classes without labels; distance {distance:.3f} from all labelled" for distance in distances]
    return Picks(rows[found], distances, reasons)
