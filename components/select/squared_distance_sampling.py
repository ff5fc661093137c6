"""D² sampling: each pick drawn with a probability in proportion to its squared distance to the nearest pick before it.

Exact, without a pass over the pool a pick. Distances to the nearest pick only ever fall, so a distance computed some
picks ago is an upper bound. A draw in proportion to the bounds that is accepted with probability distance / bound is a
draw in proportion to the distances (rejection sampling). Bounds are brought up to date for many picks in one matrix
product.
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.select.distances import lower_to_nearest
from labelcycle.components.select.points import AnyBlock, Floats, Points, squared_distances

DRAWS_PER_PASS = 64
"""After so many draws all bounds are brought up to date."""

GROUP = 1024
"""Rows whose bounds are summed up together, so that a draw looks at N / 1024 sums and 1024 bounds."""


def sample_by_squared_distance(
    points: Points[AnyBlock],
    nearest: Floats,
    ties: npt.NDArray[np.uint64],
    budget: int,
    generator: np.random.Generator,
    already: npt.NDArray[np.int64],
    draws_per_pass: int = DRAWS_PER_PASS,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Rows in the order of drawing, behind those picked already; and the distances of those drawn.

    Args:
        points: N points.
        nearest: float32 (N,), finite squared distance of each to what is covered already; changed in place.
        ties: (N,), the order in which points are taken once all are at distance 0 from a pick.
        budget: number of picks, those picked already among them, at most N.
        generator: source of the draws.
        already: rows that are picked already; their distance in `nearest` is 0.
        draws_per_pass: draws after which all bounds are brought up to date; it changes how long it takes and not the
            distribution.

    Returns:
        Row indices, (budget,), and of each drawn one the squared distance to its nearest predecessor.

    Source: Arthur and Vassilvitskii, SODA 2007, section 2 (k-means++); BADGE, Ash et al., ICLR 2020, Algorithm 1.
    Cost: O(B·N·d) multiply-adds in matrix products for dozens of picks at once, and O(N) memory.
    """
    bounds = _Bounds(nearest)
    rows: list[int] = already.tolist()
    distances: list[float] = []
    waiting: list[int] = []
    draws = 0
    while len(rows) < budget:
        if draws >= draws_per_pass:
            if waiting:
                lower_to_nearest(nearest, points, points.at(np.array(waiting)))
                nearest[rows] = 0
            bounds, waiting, draws = _Bounds(nearest), [], 0
        row = bounds.draw(generator)
        if row is None:
            break
        draws += 1
        bound = float(nearest[row])
        distance = bound
        if waiting:
            one, others = points.at(np.array([row])), points.at(np.array(waiting))
            distance = min(bound, float(squared_distances(one, others).min()))
        if generator.random() * bound < distance:
            rows.append(row)
            distances.append(distance)
            waiting.append(row)
            bounds.set(row, 0)
        else:
            bounds.set(row, distance)
    left = np.setdiff1d(np.arange(len(nearest)), rows)
    filled = left[np.argsort(ties[left], kind="stable")][: budget - len(rows)]
    return np.concatenate([np.array(rows, np.int64), filled]), np.array([*distances, *np.zeros(len(filled))])


class _Bounds:
    """Upper bounds that can be drawn from in proportion, and lowered one by one."""

    def __init__(self, values: Floats) -> None:
        self._values = values
        self._sums = np.add.reduceat(values, np.arange(0, len(values), GROUP), dtype=np.float64)

    def draw(self, generator: np.random.Generator) -> int | None:
        """A row with a probability in proportion to its bound; None where all bounds are 0."""
        sums = np.cumsum(self._sums)
        if sums[-1] <= 0:
            return None
        while True:
            target = generator.random() * sums[-1]
            group = min(int(np.searchsorted(sums, target, side="right")), len(sums) - 1)
            inside = np.cumsum(self._values[group * GROUP : (group + 1) * GROUP], dtype=np.float64)
            share = target - (sums[group - 1] if group else 0.0)
            row = group * GROUP + min(int(np.searchsorted(inside, share, side="right")), len(inside) - 1)
            if self._values[row] > 0:
                return row

    def set(self, row: int, value: float) -> None:
        """Change one bound."""
        self._values[row] = value
        group = row // GROUP
        self._sums[group] = self._values[group * GROUP : (group + 1) * GROUP].sum(dtype=np.float64)
