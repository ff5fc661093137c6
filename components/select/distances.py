"""Distances to the nearest of some points, over all rows, in one pass of matrix products.

Furthest-first traversal: each pick the farthest from all before it. Exact, without a pass over the pool a pick.

Distances to the nearest pick only ever fall. So a distance computed some picks ago is an upper bound, and a short list
of the largest bounds is enough to find the next picks in, as long as the best of the list, kept up to date, is at least
the largest bound outside of it. Only then all bounds are brought up to date, for all new picks in one matrix product.

The medoid: the sample from which squared distances to all others add up to the least.
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import blocks_of, for_each_block
from labelcycle.components.core.features.neighbours import nearest
from labelcycle.components.select.points import AnyBlock, Floats, Listed, Points, Vectors, squared_distances

CENTRES_AT_ONCE = 512
"""Columns of a block of distances."""


def lower_to_nearest(nearest: Floats, points: Points[AnyBlock], centres: AnyBlock) -> None:
    """Lower each point's squared distance to its nearest centre, in place, where one of these centres is nearer.

    Args:
        nearest: float32 (N,), squared distances so far, infinite where there is none.
        points: N points.
        centres: a block of centres, at most `CENTRES_AT_ONCE`.

    Cost: one matrix product, N·d multiply-adds a centre; memory of one block a core.
    """

    def lower(rows: slice) -> None:
        found = squared_distances(points.at(rows), centres).min(axis=1)
        np.minimum(nearest[rows], found, out=nearest[rows])

    for_each_block(len(nearest), lower)


def nearest_among(points: Vectors | Listed, centres: Vectors | Listed) -> Floats:
    """Squared distance of each point to the nearest of the centres, float32 (N,); infinite where there are none.

    Cost: N·d multiply-adds a centre; memory of 4096 centres and of one block of points a core.
    """
    distances = np.full(len(points), np.inf, np.float32)
    for part in blocks_of(len(centres), CENTRES_OF_AN_INDEX):
        searched = centres.read(part)

        def lower(rows: slice, searched: Floats = searched) -> None:
            np.minimum(distances[rows], nearest(points.read(rows), searched)[0][:, 0], out=distances[rows])

        for_each_block(len(points), lower)
    return distances


CENTRES_OF_AN_INDEX = 4096
"""The nearest is looked for among so many centres at once."""

SHORT_LIST_SHARE = 16
"""The short list holds one of so many points, but at least and at most so many as below."""
SHORTEST_LIST, LONGEST_LIST = 1024, 16384


def farthest_first(
    points: Points[AnyBlock],
    nearest: Floats,
    ties: npt.NDArray[np.uint64],
    budget: int,
    short_list: int | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Rows in the order of the traversal, and each one's squared distance to its nearest predecessor when picked.

    Args:
        points: N points.
        nearest: float32 (N,), squared distance of each to what is covered already; infinite where nothing is. It is
            brought down to the picks too, in place, except for the last few.
        ties: (N,), decides between equal distances, the smaller first.
        budget: number of picks, 1 ≤ budget ≤ N.
        short_list: points of the short list, which changes how long it takes and not the rows; None for a sixteenth of
            all, at least 1024 and at most 16,384.

    Source: Gonzalez, Theoretical Computer Science 38 (1985); the k-center greedy of Sener and Savarese, ICLR 2018.
    Cost: O(B·N·d) multiply-adds in matrix products over N / (number of passes) picks at once; O(N) memory.
    """
    if short_list is None:
        short_list = max(SHORTEST_LIST, min(LONGEST_LIST, len(nearest) // SHORT_LIST_SHARE))
    size = min(len(nearest), short_list)
    rows = np.empty(budget, np.int64)
    distances = np.empty(budget, np.float64)
    picked = 0
    waiting = np.empty(0, np.int64)
    while picked < budget:
        if len(waiting):
            lower_to_nearest(nearest, points, points.at(waiting))
            nearest[waiting] = -1
        found, found_distances = _within_short_list(points, nearest, ties, min(budget - picked, CENTRES_AT_ONCE), size)
        rows[picked : picked + len(found)] = found
        distances[picked : picked + len(found)] = found_distances
        picked += len(found)
        waiting = found
    return rows, distances


def _within_short_list(
    points: Points[AnyBlock], nearest: Floats, ties: npt.NDArray[np.uint64], most: int, size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The next picks as far as the short list proves them to be the farthest; at least one."""
    listed, outside = _largest(nearest, ties, size)
    order = np.argsort(ties[listed], kind="stable")
    listed = listed[order]
    members = points.at(listed)
    current = nearest[listed]
    bound = current.copy()
    rows: list[int] = []
    distances: list[float] = []
    while len(rows) < most:
        best = int(current.argmax())
        proven = current[best] > outside or (current[best] == outside and current[best] == bound[best])
        if current[best] < 0 or (rows and not proven):
            break
        rows.append(int(listed[best]))
        distances.append(float(current[best]))
        np.minimum(current, squared_distances(members, points.at(listed[best : best + 1]))[:, 0], out=current)
        current[best] = -1
    return np.array(rows, np.int64), np.array(distances)


def _largest(nearest: Floats, ties: npt.NDArray[np.uint64], size: int) -> tuple[npt.NDArray[np.int64], float]:
    """The `size` rows of largest distance, equal ones by ties, and the largest distance outside of them."""
    if size == len(nearest):
        return np.arange(size), -np.inf
    limit = np.partition(nearest, len(nearest) - size)[len(nearest) - size]
    above = np.flatnonzero(nearest > limit)
    equal = np.flatnonzero(nearest == limit)
    equal = equal[np.argsort(ties[equal], kind="stable")]
    taken = size - len(above)
    outside = float(limit) if taken < len(equal) else float(nearest[nearest < limit].max(initial=-np.inf))
    return np.concatenate([above, equal[:taken]]), outside


def medoid(points: Vectors, ties: npt.NDArray[np.uint64]) -> int:
    """The row nearest to the mean, which is the medoid for squared distances.

    Args:
        points: N points, at least one.
        ties: (N,), decides between equally near ones, the smaller first.

    Cost: two passes over the points.
    """
    sums = for_each_block(len(points), lambda rows: points.read(rows).sum(axis=0, dtype=np.float64))
    mean = (np.sum(sums, axis=0) / len(points)).astype(np.float32)
    offsets = for_each_block(len(points), lambda rows: np.square(points.read(rows) - mean).sum(axis=1))
    distances = np.concatenate(offsets)
    best = np.flatnonzero(distances == distances.min())
    return int(best[ties[best].argmin()])
