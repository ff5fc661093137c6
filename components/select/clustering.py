"""k-means over the pool, and the samples that stand for its clusters.

faiss finds the clusters, in one thread: it rounds differently with another number of threads, and a query depends on
the data and the seed alone.
"""

from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt
import scipy.sparse

from labelcycle.components.core.features.blocks import blocks_of, for_each_block
from labelcycle.components.core.features.neighbours import nearest, one_thread, placed
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.select.points import Floats, Stacked, Vectors, squared_distances, vector_block
from labelcycle.components.select.principal_directions import along, principal_directions
from labelcycle.components.select.strategy import Picks

ITERATIONS = 100
"""Most iterations, as DropQuery's code has it."""

POINTS_PER_CLUSTER = 512
"""Clusters are found on a random sample of at most so many points a cluster, as DropQuery's code has it."""

IMPROVEMENT = 1e-4
"""Iterations end when the sum of squared distances falls by less than this share."""

START_POINTS = 4096
"""The start is looked for among at most so many points, where draws are chosen among."""

MOST_GREEDY = 512
"""For more clusters than these the start is faiss's, drawn without choosing among draws, which takes less time."""

DIRECTIONS = 48
"""Clusters are found in so many principal directions where there are at least twice as many coordinates."""


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
    """Cluster the points by Lloyd's iterations from a k-means++ start, in the 48 principal directions.

    Args:
        vectors: N points, finite.
        clusters: k, between 1 and N.
        ids: sample ids, (N,), sorted; they decide which points are sampled.
        seed: decides sample and start.
        improvement: the share by which the sum of squared distances must fall for another iteration.
        also: points that take part in finding the centres, but are not in the result.
        points_per_cluster: centres are found on a random sample of at most so many points a cluster.

    A cluster that loses all its points takes over half of a large one. Of less than k distinct points some clusters
    stay empty in the result.

    Source: Lloyd, IEEE Transactions on Information Theory 28 (1982); start: Arthur and Vassilvitskii, SODA 2007.
    Cost: O(k·48) multiply-adds a point and iteration, on min(N, 512·k) points or what `points_per_cluster` says; then
        O(k·d) on all N. Memory of 48 numbers a point and of one block a core.
    """
    part = vectors
    most = points_per_cluster * clusters
    if len(vectors) > most:
        numbers = keyed_order(ids, seed, "k-means sample")
        rows = np.argpartition(numbers, most)[:most]
        part = Vectors(vectors.features[np.sort(rows)], vectors.prepare)
    sample = part if also is None or not len(also) else Stacked((also, part))
    if sample.width < 2 * DIRECTIONS:
        return assign(vectors, _centres(sample.read(slice(0, len(sample))), clusters, seed, improvement))
    reduced = along(sample, principal_directions(sample, DIRECTIONS, seed))
    centres = _centres(reduced, clusters, seed, improvement)
    return assign(vectors, _means(sample, assign(Vectors(reduced), centres)))


def _centres(points: Floats, clusters: int, seed: int, improvement: float) -> Floats:
    """Centres of k clusters of points (n, d), n ≥ k: float32 (k, d)."""
    points = np.ascontiguousarray(points)
    settings = faiss.ClusteringParameters()
    settings.niter = ITERATIONS
    settings.seed = seed % 2**31
    settings.init_method = faiss.ClusteringInitMethod_KMEANS_PLUS_PLUS
    settings.early_stop_threshold = improvement
    settings.min_points_per_centroid = 1
    settings.max_points_per_centroid = len(points)
    found = faiss.Clustering(points.shape[1], clusters, settings)
    if clusters <= MOST_GREEDY:
        faiss.copy_array_to_vector(_greedy_start(points, clusters, seed).ravel(), found.centroids)
    with one_thread():
        found.train(points, placed(faiss.IndexFlatL2(points.shape[1])))
    return faiss.vector_to_array(found.centroids).reshape(clusters, -1)


def _greedy_start(points: Floats, clusters: int, seed: int) -> Floats:
    """k-means++ on at most 4096 points that takes, of several draws, the one that lowers all distances the most.

    faiss has the plain start alone. With this one, well separated clusters are each found far more often.

    Source: Arthur and Vassilvitskii, SODA 2007, section 7.
    """
    generator = np.random.default_rng(seed)
    size = min(len(points), START_POINTS)
    vectors = points[np.sort(generator.choice(len(points), size, replace=False))]
    sample = vector_block(vectors)
    chosen = [int(generator.integers(size))]
    nearest = squared_distances(vector_block(vectors[chosen]), sample)[0]
    while len(chosen) < clusters:
        sums = np.cumsum(nearest, dtype=np.float64)
        if sums[-1] <= 0:
            chosen += np.setdiff1d(np.arange(size), chosen)[: clusters - len(chosen)].tolist()
            break
        targets = generator.random(2 + int(np.log(clusters))) * sums[-1]
        drawn = np.minimum(np.searchsorted(sums, targets, side="right"), size - 1)
        lowered = np.minimum(squared_distances(vector_block(vectors[drawn]), sample), nearest)
        best = int(lowered.sum(axis=1).argmin())
        nearest = lowered[best]
        chosen.append(int(drawn[best]))
    centres: Floats = vectors[np.sort(chosen)]
    return centres


def _means(sample: Vectors | Stacked, found: Clusters) -> Floats:
    """The mean of each cluster's points in all coordinates; zeros for an empty one."""
    sums = np.zeros((len(found.centres), sample.width), np.float64)
    for rows in blocks_of(len(sample)):
        members = found.assignment[rows]
        chosen = (np.ones(len(members)), (members, np.arange(len(members))))
        sums += scipy.sparse.csr_array(chosen, shape=(len(sums), len(members))) @ sample.read(rows)
    counts = np.bincount(found.assignment, minlength=len(sums))
    return (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)


def assign(vectors: Vectors, centres: Floats) -> Clusters:
    """Each point's nearest centre, the first of equally near ones."""
    assignment = np.empty(len(vectors), np.int64)
    distances = np.empty(len(vectors), np.float32)

    def find(rows: slice) -> None:
        squared, found = nearest(vectors.read(rows), centres)
        assignment[rows], distances[rows] = found[:, 0], squared[:, 0]

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
