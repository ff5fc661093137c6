"""Samples as points with distances: plain vectors, or the gradient embeddings of BADGE without building them.

Points are read block by block, so that an array of a million float16 rows, or one that lies on disk, needs no second
copy in float32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.half_precision import as_single
from labelcycle.components.core.features.matmul import matmul
from labelcycle.components.core.features.neighbours import INDISTINGUISHABLE, squared_norms

Floats = npt.NDArray[np.float32]
Rows = slice | npt.NDArray[np.integer]


class Block(Protocol):
    """Some points, ready for arithmetic."""

    @property
    def squared_norms(self) -> Floats:
        """Squared length of each: float32 (b,)."""
        ...

    def products(self, other: Self) -> Floats:
        """Inner products with the points of another block: float32 (b, m)."""
        ...


AnyBlock = TypeVar("AnyBlock", bound=Block)
CoBlock = TypeVar("CoBlock", bound=Block, covariant=True)


class Points(Protocol, Generic[CoBlock]):
    """N points that can be read in part."""

    def __len__(self) -> int: ...

    def at(self, rows: Rows) -> CoBlock:
        """The points of these rows."""
        ...


@dataclass(frozen=True)
class VectorBlock:
    """Points given by their coordinates: float32 (b, d)."""

    vectors: Floats
    squared_norms: Floats

    def products(self, other: "VectorBlock") -> Floats:
        """Inner products: one matrix product."""
        return matmul(self.vectors, other.vectors.T)


@dataclass(frozen=True)
class Vectors:
    """Rows of a matrix as points.

    Attributes:
        features: (N, d), any float type, in memory or mapped from disk.
        prepare: applied to every block of float32 rows, such as a normalisation; it may write to its argument.
    """

    features: npt.NDArray[np.floating]
    prepare: Callable[[Floats], Floats] | None = None

    def __len__(self) -> int:
        return len(self.features)

    @property
    def width(self) -> int:
        """The number of coordinates, d."""
        return int(self.features.shape[1])

    def read(self, rows: Rows) -> Floats:
        """The vectors of these rows, float32 (b, d)."""
        part = self.features[rows]
        if self.prepare is None:
            return part if part.dtype == np.float32 else as_single(part)
        copied = isinstance(rows, np.ndarray) and part.dtype == np.float32
        return self.prepare(part if copied else as_single(part))

    def at(self, rows: Rows) -> VectorBlock:
        """The points of these rows."""
        return vector_block(self.read(rows))


@dataclass(frozen=True)
class Listed:
    """Some of the points, read from where they are.

    Attributes:
        points: N points.
        rows: which, int64 (n,).
    """

    points: Vectors
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, rows: Rows) -> Floats:
        """The vectors of these rows of the list, float32 (b, d)."""
        return self.points.read(self.rows[rows])

    def at(self, rows: Rows) -> VectorBlock:
        """The points of these rows of the list."""
        return self.points.at(self.rows[rows])


def vector_block(vectors: Floats) -> VectorBlock:
    """Coordinates with their squared norms."""
    return VectorBlock(vectors, squared_norms(vectors))


@dataclass(frozen=True)
class GradientBlock:
    """Outer products of two vectors each, by their factors: (b, C) and (b, d)."""

    left: VectorBlock
    right: VectorBlock

    @property
    def squared_norms(self) -> Floats:
        """‖a ⊗ h‖² = ‖a‖²·‖h‖²."""
        return self.left.squared_norms * self.right.squared_norms

    def products(self, other: "GradientBlock") -> Floats:
        """Inner products: (a·a')(h·h')."""
        result = self.left.products(other.left)
        result *= self.right.products(other.right)
        return result


@dataclass(frozen=True)
class Gradients:
    """Outer products aᵢ ⊗ hᵢ as points of C·d dimensions, kept as their factors.

    Attributes:
        left: N points a.
        right: N points h.
    """

    left: Vectors
    right: Vectors

    def __len__(self) -> int:
        return len(self.right)

    def at(self, rows: Rows) -> GradientBlock:
        """The points of these rows."""
        return GradientBlock(self.left.at(rows), self.right.at(rows))


def squared_distances(points: AnyBlock, others: AnyBlock) -> Floats:
    """Squared Euclidean distances, float32 (b, m): at least 0, and exactly 0 where float32 cannot tell points apart."""
    result = points.products(others)
    result *= -2
    scale = points.squared_norms[:, None] + others.squared_norms
    result += scale
    scale *= INDISTINGUISHABLE
    result[result < scale] = 0
    return result


def unit_length(vectors: Floats) -> Floats:
    """The rows at length 1, changed in place; a row of zeros stays one."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    vectors /= np.where(lengths > 0, lengths, 1)[:, None]
    return vectors


@dataclass(frozen=True)
class Stacked:
    """The points of several matrices after one another, without putting the matrices together.

    Attributes:
        parts: matrices of one width.
    """

    parts: tuple[Vectors, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def width(self) -> int:
        """The number of coordinates, d."""
        return self.parts[0].width

    def read(self, rows: Rows) -> Floats:
        """The vectors of these rows, float32 (b, d)."""
        wanted = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        result = np.empty((len(wanted), self.width), np.float32)
        start = 0
        for part in self.parts:
            mine = (wanted >= start) & (wanted < start + len(part))
            if mine.any():
                result[mine] = part.read(wanted[mine] - start)
            start += len(part)
        return result

    def at(self, rows: Rows) -> VectorBlock:
        """The points of these rows."""
        return vector_block(self.read(rows))
