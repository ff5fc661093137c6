"""Labels spread over a graph of neighbours: what the unlabelled pool says about the few labels that there are.

Every sample passes what it knows of its class to its nearest neighbours, and labelled samples keep saying their own. In
the end each class is given the same mass, so that one with few labels, or in a sparse region, is not drowned. How sure
a sample is of its class then says how much it can count as if it were labelled.

Source: Zhou et al., Learning with Local and Global Consistency, NeurIPS 2004, with the sum in place of its limit; class
    mass normalisation for equal classes: Zhu, Ghahramani and Lafferty, ICML 2003, section 4.
Cost: O(P²·d) multiply-adds for a graph of P samples, which are computed block by block; then steps · P · neighbours · C
    for each spreading. Memory of P · (2 · neighbours + C) numbers and one block a core, never P².
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.neighbours import most_similar

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.integer]

NEIGHBOURS = 10
SHARE = 0.9
"""How much of what a sample knows comes from its neighbours; the rest is its own label. Zhou et al. take 0.99."""

STEPS = 30
"""By then what a step adds has fallen to 0.9^30, 4 %."""


@dataclass(frozen=True)
class PseudoLabels:
    """Classes of samples that have no label.

    Attributes:
        rows: which, ascending.
        classes: class index of each.
        certainty: between 0 and 1, above 0: the margin between its likeliest class and the next.
    """

    rows: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64]
    certainty: npt.NDArray[np.float64]


class NeighbourGraph:
    """Each sample joined to its nearest neighbours, in both directions, with weights exp(-2‖x - y‖²)."""

    def __init__(self, points: Floats, neighbours: int = NEIGHBOURS) -> None:
        """Find the neighbours: the same for any number of cores.

        Args:
            points: float32 (P, d) of length 1 or 0, P ≥ 1, in the order of their ids.
            neighbours: how many of each, at least 1; all others where there are fewer.
        """
        count = len(points)
        near = min(neighbours, count - 1)
        columns = np.empty((count, near), np.int64)
        weights = np.empty((count, near), np.float32)

        def find(block: slice) -> None:
            cosines, found = most_similar(points[block], points, near + 1)
            itself = found == np.arange(block.start, block.stop)[:, None]
            itself[~itself.any(axis=1), -1] = True  # of many copies it is not among the nearest
            columns[block] = found[~itself].reshape(-1, near)
            weights[block] = np.exp(4 * (cosines[~itself].reshape(-1, near) - 1))

        if near:
            for_each_block(count, find)
        rows = np.repeat(np.arange(count), near)
        graph = scipy.sparse.csr_array((weights.ravel(), (rows, columns.ravel())), shape=(count, count))
        graph = graph.maximum(graph.T)
        degree = np.asarray(graph.sum(axis=1)).ravel()
        root = scipy.sparse.diags_array(np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0))
        self._step = SHARE * scipy.sparse.csr_array(root @ graph @ root)

    def pseudo_labels(self, rows: Rows, classes: Rows, among: Rows, hints: Floats | None = None) -> PseudoLabels:
        """Classes of the samples `among` that the labels reach and do not leave undecided.

        Args:
            rows: labelled samples, (L,), L ≥ 1.
            classes: of these, class indices, (L,).
            among: samples that may get one, ascending, (M,).
            hints: float32 (M, C), what is known of these before any label, in labels; None for nothing. A class with
                hints alone takes part as well.
        """
        present, targets = np.unique(classes, return_inverse=True)
        if hints is not None:
            present = np.union1d(present, np.flatnonzero(hints.any(axis=0)))
            targets = np.searchsorted(present, classes)
        given = np.zeros((self._step.shape[0], len(present)), np.float32)
        given[rows, targets] = 1
        if hints is not None:
            given[among] += hints[:, present]
        known = given
        for _ in range(STEPS):
            known = self._step @ known + given
        known = known / known.sum(axis=0, dtype=np.float64)
        known = known[among]
        total = known.sum(axis=1, keepdims=True)
        known = np.divide(known, total, out=np.zeros_like(known), where=total > 0)
        best = known.argmax(axis=1)
        certainty = known[np.arange(len(known)), best]
        if len(present) > 1:
            certainty = certainty - np.partition(known, -2, axis=1)[:, -2]
        sure = np.flatnonzero(certainty > 0)
        return PseudoLabels(np.asarray(among, np.int64)[sure], present[best[sure]].astype(np.int64), certainty[sure])
