"""Which samples lie within a radius of each other: the graph of ProbCover, without N×N numbers.

Samples are divided into groups; only pairs of groups that are partners are compared. With consecutive rows as groups
and all of them partners the graph is exact; with clusters as groups and near ones as partners it is approximate.

Edges are kept while they need no more memory than the features would in float32. Beyond that they are found again when
they are asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from labelcycle.components.core.features.blocks import blocks_in_turn
from labelcycle.components.core.features.neighbours import within
from labelcycle.components.select.points import Vectors

Rows = npt.NDArray[np.int64]

SMALLEST_RADIUS = 3e-3
"""Distances that float32 cannot tell from 0 for vectors of length 1; a smaller radius counts as this one."""

BYTES_OF_AN_EDGE = 16
"""While the matrix of edges is made, each takes so many."""

GROUP_ROWS = 1024
"""Rows of a group of the exact graph."""


@dataclass(frozen=True)
class Groups:
    """A division of N samples.

    Attributes:
        members: the rows of each group; every row is in one of them.
        partners: for each group the groups that it is compared with, itself among them; partnership is mutual.
    """

    members: list[Rows]
    partners: list[Rows]


def all_pairs(size: int, group_rows: int = GROUP_ROWS) -> Groups:
    """Groups of consecutive rows, each a partner of all."""
    members = [np.arange(start, min(start + group_rows, size)) for start in range(0, size, group_rows)]
    return Groups(members, [np.arange(len(members))] * len(members))


class BallGraph:
    """The undirected graph of samples that are nearer to each other than a radius; each is a neighbour of itself."""

    def __init__(self, points: Vectors, radius: float, groups: Groups, edge_bytes: int | None = None) -> None:
        """Compare all partners once.

        Args:
            points: N points of length 1.
            radius: distances below it make neighbours.
            groups: which points are compared.
            edge_bytes: memory for the edges; None for that of the features in float32.

        Cost: half of the partner pairs, d multiply-adds a pair; memory for the edges, and of a block of pairs a core.
        """
        self._points = points
        self._groups = groups
        self._similar = 1 - max(radius, SMALLEST_RADIUS) ** 2 / 2
        self._group_of = np.empty(len(points), np.int64)
        for number, members in enumerate(groups.members):
            self._group_of[members] = number
        self._degrees = np.ones(len(points), np.int64)
        most = points.width * 4 * len(points) if edge_bytes is None else edge_bytes
        self._edges = self._compare_all(most // BYTES_OF_AN_EDGE)

    @property
    def keeps_edges(self) -> bool:
        """Whether the edges fit into the memory for them."""
        return self._edges is not None

    @property
    def degrees(self) -> Rows:
        """Number of neighbours of each sample, (N,)."""
        return self._degrees

    def neighbours(self, row: int) -> Rows:
        """Rows of one sample's neighbours."""
        if self._edges is None:
            return np.flatnonzero(self.count_among(np.array([row])))
        first, last = self._edges.indptr[row : row + 2]
        return np.append(self._edges.indices[first:last].astype(np.int64), row)

    def count_among(self, rows: Rows) -> Rows:
        """How many of these rows are neighbours of each sample, (N,)."""
        counts = np.zeros(len(self._points), np.int64)
        counts[rows] = 1
        if self._edges is not None:
            return counts + np.bincount(self._edges[rows].indices, minlength=len(counts))
        for number in np.unique(self._group_of[rows]):
            mine = rows[self._group_of[rows] == number]
            partners = self._groups.partners[number]
            for partner, (_, near) in zip(partners.tolist(), self._pairs(mine, partners), strict=True):
                others = self._groups.members[partner]
                counts[others] += np.bincount(near, minlength=len(others))
        return counts

    def _pairs(self, rows: Rows, groups: Rows) -> Iterator[tuple[Rows, Rows]]:
        """Neighbours among these rows and the members of these groups, group by group; no sample with itself.

        They are given by their positions in `rows` and in the group.
        """
        vectors = self._points.read(rows)

        def compare(part: slice) -> tuple[Rows, Rows]:
            others = self._groups.members[groups[part.start]]
            mine, near = within(vectors, self._points.read(others), self._similar)
            apart = rows[mine] != others[near]
            return mine[apart], near[apart]

        return blocks_in_turn(len(groups), compare, block_rows=1, at_once=4)

    def _compare_all(self, most: int) -> scipy.sparse.csr_array | None:
        """Count all neighbours; the edges in both directions as a sparse matrix, unless there are more than `most`."""
        size = len(self._points)
        kept: list[tuple[Rows, Rows]] | None = []
        for number, members in enumerate(self._groups.members):
            later = self._groups.partners[number]
            later = later[later >= number]
            for partner, (mine, near) in zip(later.tolist(), self._pairs(members, later), strict=True):
                others = self._groups.members[partner]
                self._degrees[members] += np.bincount(mine, minlength=len(members))
                rows, columns = members[mine], others[near]
                if partner != number:
                    self._degrees[others] += np.bincount(near, minlength=len(others))
                    rows, columns = np.concatenate([rows, columns]), np.concatenate([columns, rows])
                most -= len(rows)
                if most < 0:
                    kept = None
                if kept is not None:
                    kept.append((rows.astype(np.int32), columns.astype(np.int32)))
        if kept is None:
            return None
        rows, columns = (np.concatenate(part) for part in zip(*kept, strict=True))
        return scipy.sparse.csr_array((np.ones(len(rows), np.bool_), (rows, columns)), shape=(size, size))
