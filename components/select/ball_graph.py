"""Which samples lie within a radius of each other: the graph of ProbCover, without N×N numbers.

Samples are divided into groups; only pairs of groups that are partners are compared. With consecutive rows as groups
and all of them partners the graph is exact; with clusters as groups and near ones as partners it is approximate.

Edges are kept while they need no more memory than the features would in float32. Beyond that rows of the graph are
computed when they are asked for.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import blocks_in_turn, blocks_of, for_each_block
from labelcycle.components.core.features.matmul import matmul
from labelcycle.components.select.points import Vectors

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SMALLEST_RADIUS = 3e-3
"""Distances that float32 cannot tell from 0 for vectors of length 1; a smaller radius counts as this one."""

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


def all_pairs(size: int) -> Groups:
    """Groups of consecutive rows, each a partner of all."""
    members = [np.arange(start, min(start + GROUP_ROWS, size)) for start in range(0, size, GROUP_ROWS)]
    return Groups(members, [np.arange(len(members))] * len(members))


class BallGraph:
    """The undirected graph of samples that are nearer to each other than a radius; each is a neighbour of itself."""

    def __init__(self, points: Vectors, radius: float, groups: Groups) -> None:
        """Compare all partners once.

        Args:
            points: N points of length 1.
            radius: distances below it make neighbours.
            groups: which points are compared.

        Cost: half of the partner pairs, d multiply-adds a pair; memory for the edges, within that of the features.
        """
        self._points = points
        self._groups = groups
        self._similar = np.float32(1 - max(radius, SMALLEST_RADIUS) ** 2 / 2)
        self._group_of = np.empty(len(points), np.int64)
        for number, members in enumerate(groups.members):
            self._group_of[members] = number
        self._degrees = np.zeros(len(points), np.int64)
        self._edges: _Edges | None = _Edges(groups, len(points), points.width * 4 * len(points))
        self._compare_all()

    @property
    def degrees(self) -> Rows:
        """Number of neighbours of each sample, (N,)."""
        return self._degrees

    def neighbours(self, row: int) -> Rows:
        """Rows of one sample's neighbours."""
        if self._edges is not None:
            return self._edges.of(row)
        columns = self._columns(int(self._group_of[row]))
        return columns[self._near(np.array([row]), columns).any(axis=0)]

    def count_among(self, rows: Rows) -> Rows:
        """How many of these rows are neighbours of each sample, (N,)."""
        counts = np.zeros(len(self._points), np.int64)
        if self._edges is not None:
            for row in rows.tolist():
                counts[self._edges.of(row)] += 1
            return counts
        for number in np.unique(self._group_of[rows]):
            mine = rows[self._group_of[rows] == number]
            columns = self._columns(int(number))
            for part in blocks_of(len(mine), GROUP_ROWS):
                counts[columns] += self._near(mine[part], columns).sum(axis=0)
        return counts

    def _columns(self, group: int) -> Rows:
        return np.concatenate([self._groups.members[partner] for partner in self._groups.partners[group]])

    def _near(self, rows: Rows, columns: Rows) -> Mask:
        """Which columns are neighbours of which rows; every sample is its own."""
        near = np.empty((len(rows), len(columns)), np.bool_)
        vectors = self._points.read(rows)

        def compare(part: slice) -> None:
            np.greater(matmul(vectors, self._points.read(columns[part]).T), self._similar, out=near[:, part])

        for_each_block(len(columns), compare, GROUP_ROWS)
        near |= rows[:, None] == columns
        return near

    def _compare_all(self) -> None:
        for number, members in enumerate(self._groups.members):
            later = self._groups.partners[number]
            later = later[later >= number]
            vectors = self._points.read(members)

            def compare(part: slice, later: Rows = later, vectors: npt.NDArray[np.float32] = vectors) -> Mask:
                others = self._points.read(self._groups.members[later[part.start]])
                near: Mask = matmul(vectors, others.T) > self._similar
                return near

            masks = blocks_in_turn(len(later), compare, block_rows=1, at_once=4)
            for partner, near in zip(later.tolist(), masks, strict=True):
                others = self._groups.members[partner]
                if partner == number:
                    np.fill_diagonal(near, True)
                self._degrees[members] += near.sum(axis=1)
                if partner != number:
                    self._degrees[others] += near.sum(axis=0)
                if self._edges is not None and not self._edges.add(number, partner, near):
                    self._edges = None
            if self._edges is not None:
                self._edges.close(number)


class _Edges:
    """Neighbours of every sample, in one array a group."""

    def __init__(self, groups: Groups, size: int, most_bytes: int) -> None:
        self._groups = groups
        self._type = np.min_scalar_type(max(0, size - 1))
        self._left = most_bytes // self._type.itemsize
        self._waiting: list[list[tuple[Rows, Rows]]] = [[] for _ in groups.members]
        self._neighbours: list[Rows] = []
        self._starts: list[Rows] = []
        self._place = np.empty(size, np.int64)
        self._group_of = np.empty(size, np.int64)
        for number, members in enumerate(groups.members):
            self._place[members] = np.arange(len(members))
            self._group_of[members] = number

    def add(self, group: int, partner: int, near: Mask) -> bool:
        """Keep the edges between two groups, in both directions; False, and nothing is kept, beyond the limit."""
        places, others = np.nonzero(near)
        self._left -= len(places) * (1 if partner == group else 2)
        if self._left < 0:
            return False
        small = np.min_scalar_type(max(near.shape))
        self._waiting[group].append((places.astype(small), self._groups.members[partner][others].astype(self._type)))
        if partner != group:
            self._waiting[partner].append(
                (others.astype(small), self._groups.members[group][places].astype(self._type))
            )
        return True

    def close(self, group: int) -> None:
        """All edges of this group are there: put them in the order of its members."""
        waiting, self._waiting[group] = self._waiting[group], []
        places = np.concatenate([places for places, _ in waiting])
        order = np.argsort(places, kind="stable")
        counts = np.bincount(places, minlength=len(self._groups.members[group]))
        self._starts.append(np.concatenate([[0], np.cumsum(counts)]))
        self._neighbours.append(np.concatenate([others for _, others in waiting])[order])

    def of(self, row: int) -> Rows:
        """Rows of one sample's neighbours."""
        group, place = self._group_of[row], self._place[row]
        starts = self._starts[group]
        found: Rows = self._neighbours[group][starts[place] : starts[place + 1]].astype(np.int64)
        return found
