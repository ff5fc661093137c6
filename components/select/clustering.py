"""k-means over the pool, and the samples that stand for its clusters.

Lloyd's iterations are our own because faiss and scikit-learn give other clusters with another number of threads (sums
are split over threads), which would break the promise that a query depends on the data and the seed alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from labelcycle.components.core.features.blocks import blocks_of, for_each_block
from labelcycle.components.core.features.matmul import matmul
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.select.points import Floats, Stacked, Vectors, squared_distances, vector_block
from labelcycle.components.select.principal_directions import along, principal_directions
from labelcycle.components.select.squared_distance_sampling import sample_by_squared_distance
from labelcycle.components.select.strategy import Picks

ITERATIONS = 100
"""Most iterations, as DropQuery's code has it."""

POINTS_PER_CLUSTER = 512
"""Clusters are found on a random sample of at most so many points a cluster, as DropQuery's code has it."""

IMPROVEMENT = 1e-4
"""Iterations end when the sum of squared distances falls by less than this share."""


FINE_IMPROVEMENT = 1e-3
"""Likewise in all coordinates, after clusters were found in few directions."""

START_POINTS = 4096
"""The start is looked for among at most so many points, where draws are chosen among."""

MOST_GREEDY = 512
"""For more clusters than these the start is drawn without choosing among draws, which takes less time."""

DIRECTIONS = 48
"""Clusters are first found in so many principal directions."""


@dataclass(frozen=True)
class Clusters:
    """Clusters of N points.

    Attributes:
        centres: float32 (k, d).
        assignment: int64 (N,), the nearest centre of each point.
        squared_distances: float32 (N,), to that centre.
    """

    centres: Floats
    assignment: npt.NDArray[np.int64]
    squared_distances: Floats


def k_means(
    vectors: Vectors,
    clusters: int,
    ids: npt.NDArray[np.str_],
    seed: int,
    improvement: float = IMPROVEMENT,
    also: Vectors | None = None,
    points_per_cluster: int = POINTS_PER_CLUSTER,
) -> Clusters:
    """Cluster the points by Lloyd's iterations from a k-means++ start, first in the 48 principal directions.

    Args:
        vectors: N points.
        clusters: k, between 1 and N.
        ids: sample ids, (N,), sorted; they decide which points are sampled.
        seed: decides sample and start.
        improvement: the share by which the sum of squared distances must fall for another iteration.
        also: points that take part in finding the centres, but are not in the result.
        points_per_cluster: centres are found on a random sample of at most so many points a cluster.

    A cluster that loses all its points starts anew at the point that is farthest from its centre.

    Source: Lloyd, IEEE Transactions on Information Theory 28 (1982); start: Arthur and Vassilvitskii, SODA 2007.
    Cost: O(k·48) multiply-adds a point for most iterations and O(k·d) for the last few, on min(N, 512·k) points or what
        `points_per_cluster` says; then O(k·d) on all N. Memory of 48 numbers a point and of one block a core.
    """
    part = vectors
    most = points_per_cluster * clusters
    if len(vectors) > most:
        numbers = keyed_order(ids, seed, "k-means sample")
        rows = np.argpartition(numbers, most)[:most]
        part = Vectors(vectors.features[np.sort(rows)], vectors.prepare)
    sample = part if also is None or not len(also) else Stacked((also, part))
    found = _coarse_to_fine(sample, clusters, seed, improvement)
    return found if sample is vectors else assign(vectors, found.centres)


def _coarse_to_fine(sample: Vectors | Stacked, clusters: int, seed: int, improvement: float) -> Clusters:
    """k-means in few principal directions first where there are many coordinates, then in all of them."""
    if sample.width < 2 * DIRECTIONS:
        return _lloyd(sample, _start(sample, clusters, seed), improvement)
    directions = principal_directions(sample, DIRECTIONS, seed)
    reduced = Vectors(along(sample, directions))
    coarse = _lloyd(reduced, _start(reduced, clusters, seed), improvement)
    return _lloyd(sample, _means(sample, coarse), max(improvement, FINE_IMPROVEMENT))


def _lloyd(sample: Vectors | Stacked, centres: Floats, improvement: float) -> Clusters:
    total = np.inf
    for _ in range(ITERATIONS):
        found = assign(sample, centres)
        previous, total = total, float(found.squared_distances.sum(dtype=np.float64))
        if total >= previous * (1 - improvement):
            break
        centres = _means(sample, found)
    return found


def assign(vectors: Vectors | Stacked, centres: Floats) -> Clusters:
    """Each point's nearest centre, the first of equally near ones. One matrix product."""
    assignment = np.empty(len(vectors), np.int64)
    distances = np.empty(len(vectors), np.float32)
    targets = vector_block(centres)
    doubled = -2 * centres.T

    def find(rows: slice) -> None:
        block = vectors.at(rows)
        values = matmul(block.vectors, doubled)
        values += targets.squared_norms
        nearest = values.argmin(axis=1)
        assignment[rows] = nearest
        distances[rows] = np.maximum(values[np.arange(len(nearest)), nearest] + block.squared_norms, 0)

    for_each_block(len(vectors), find)
    return Clusters(centres, assignment, distances)


def cluster_picks(
    vectors: Vectors | npt.NDArray[np.floating],
    ids: npt.NDArray[np.str_],
    budget: int,
    seed_key: tuple[object, ...],
    points_per_cluster: int = POINTS_PER_CLUSTER,
) -> Picks:
    """The samples nearest to the centres of `budget` clusters, those of the largest clusters first.

    Args:
        vectors: n points or their coordinates (n, d).
        ids: n distinct ids, sorted.
        budget: number of clusters and of picks, 1 ≤ budget ≤ n.
        seed_key: what the start of k-means depends on, such as seed, cycle and strategy.
        points_per_cluster: centres are found on a random sample of at most so many points a cluster.

    Returns:
        `budget` distinct rows. Where fewer clusters have members (duplicates), the samples farthest from their centres
        fill up. The score is the negative distance to the centre.

    Source: DropQuery, section 3 (nearest samples to k-means centroids).
    Cost: that of `k_means`.
    """
    points = vectors if isinstance(vectors, Vectors) else Vectors(vectors)
    found = k_means(points, budget, ids, seed_for(*seed_key), points_per_cluster=points_per_cluster)
    return picks_of_clusters(found, ids, budget)


def picks_of_clusters(found: Clusters, ids: npt.NDArray[np.str_], budget: int) -> Picks:
    """One pick a cluster, the member nearest to the centre; then the farthest members until there are `budget`."""
    ties = keyed_order(ids, "ties")
    order = np.lexsort((ties, found.squared_distances, found.assignment))
    numbers, first, sizes = np.unique(found.assignment[order], return_index=True, return_counts=True)
    rows = order[first]
    largest = np.lexsort((ties[rows], -sizes))[:budget]
    rows, numbers, sizes = rows[largest], numbers[largest], sizes[largest]
    missing = budget - len(rows)
    if missing:
        left = np.setdiff1d(np.arange(len(ids)), rows)
        left = left[np.lexsort((ties[left], -found.squared_distances[left]))[:missing]]
        sizes = sizes - np.array([(found.assignment[left] == number).sum() for number in numbers], np.int64)
        rows, sizes = np.concatenate([rows, left]), np.concatenate([sizes, np.ones(missing, np.int64)])
    renumbered = np.full(len(found.centres), -1)
    renumbered[numbers] = np.arange(len(numbers))
    clusters = renumbered[found.assignment[rows]]
    distances = np.sqrt(found.squared_distances[rows].astype(np.float64))
    reasons = [
        f"nearest to the centre of cluster {cluster}, of {size} samples"
        for cluster, size in zip(clusters, sizes, strict=True)
    ]
    for rank in range(budget - missing, budget):
        reasons[rank] = f"far from the centre of cluster {clusters[rank]}"
    return Picks(rows, -distances, reasons, clusters, sizes)


def _start(sample: Vectors | Stacked, clusters: int, seed: int) -> Floats:
    """k-means++: centres at samples that are drawn by D² sampling. The draw depends on the order of rows, by id."""
    generator = np.random.default_rng(seed)
    if clusters <= MOST_GREEDY:
        return _greedy_start(sample, clusters, generator)
    first = int(generator.integers(len(sample)))
    centre = sample.at(np.array([first]))
    nearest = assign(sample, centre.vectors).squared_distances
    nearest[first] = 0
    ties = np.arange(len(sample), dtype=np.uint64)
    rows, _ = sample_by_squared_distance(sample, nearest, ties, clusters, generator, already=np.array([first]))
    return sample.read(np.sort(rows))


def _greedy_start(sample: Vectors | Stacked, clusters: int, generator: np.random.Generator) -> Floats:
    """k-means++ on at most 4096 points that takes, of several draws, the one that lowers all distances the most.

    Source: Arthur and Vassilvitskii, SODA 2007, section 7. Well separated clusters are each found far more often.
    """
    size = min(len(sample), START_POINTS)
    vectors = sample.read(np.sort(generator.choice(len(sample), size, replace=False)))
    points = vector_block(vectors)
    chosen = [int(generator.integers(size))]
    nearest = squared_distances(vector_block(vectors[chosen]), points)[0]
    while len(chosen) < clusters:
        sums = np.cumsum(nearest, dtype=np.float64)
        if sums[-1] <= 0:
            chosen += np.setdiff1d(np.arange(size), chosen)[: clusters - len(chosen)].tolist()
            break
        targets = generator.random(2 + int(np.log(clusters))) * sums[-1]
        drawn = np.minimum(np.searchsorted(sums, targets, side="right"), size - 1)
        lowered = np.minimum(squared_distances(vector_block(vectors[drawn]), points), nearest)
        best = int(lowered.sum(axis=1).argmin())
        nearest = lowered[best]
        chosen.append(int(drawn[best]))
    centres: Floats = vectors[np.sort(chosen)]
    return centres


def _means(sample: Vectors | Stacked, found: Clusters) -> Floats:
    """The mean of each cluster's points; an empty cluster gets the point that is farthest from its centre."""
    clusters = len(found.centres)
    sums = np.zeros((clusters, sample.width), np.float64)
    for rows in blocks_of(len(sample)):
        members = found.assignment[rows]
        size = len(members)
        chosen = scipy.sparse.csr_array((np.ones(size, np.float32), (members, np.arange(size))), shape=(clusters, size))
        sums += chosen @ sample.read(rows)
    counts = np.bincount(found.assignment, minlength=clusters)
    empty = np.flatnonzero(counts == 0)
    means = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
    if len(empty):
        farthest = np.argsort(-found.squared_distances, kind="stable")[: len(empty)]
        means[empty] = sample.read(np.sort(farthest))
    return means
