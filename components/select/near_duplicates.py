"""Near-duplicates: of samples that look the same only one is worth a label.

Clusters of a large pool and which of them are near each other: where neighbours are looked for, and how many are.
These are inverted lists, searched by whole lists: faiss's own IndexIVF scans them one query at a time, which took seven
times as long (200,000 × 384 numbers, 16 lists of 1024 a query).
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.neighbours import nearest
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.select.ball_graph import SMALLEST_RADIUS, BallGraph, Groups, all_pairs
from labelcycle.components.select.clustering import k_means
from labelcycle.components.select.distances import nearest_among
from labelcycle.components.select.points import Vectors, squared_distances, unit_length
from labelcycle.components.select.strategy import Candidates

MOST_EXACT = 100_000
"""Graphs on more samples are approximate."""

MEMBERS = 1024
"""Samples of a cluster, on average. Clusters of more than twice as many, as duplicates make, are compared in parts."""

PARTNERS = 16
"""Each cluster is compared with so many nearest ones."""

SAMPLE = 256
"""Recall is measured on so many samples."""


def groups_for(
    points: Vectors,
    ids: npt.NDArray[np.str_],
    seed: int,
    exact_up_to: int = MOST_EXACT,
    members: int = MEMBERS,
    partners: int = PARTNERS,
) -> Groups:
    """Groups for a graph on these points: exact up to 100,000 of them, those of `near_groups` beyond."""
    if len(points) <= exact_up_to:
        return all_pairs(len(points))
    return near_groups(points, ids, seed, members, partners)


def near_groups(
    points: Vectors, ids: npt.NDArray[np.str_], seed: int, members: int = MEMBERS, partners: int = PARTNERS
) -> Groups:
    """Clusters of about a thousand samples, each a partner of its 16 nearest.

    Args:
        points: N points of length 1.
        ids: sample ids, (N,), sorted.
        seed: decides the start of k-means.
        members: samples of a cluster, on average; no group has more than twice as many.
        partners: nearest clusters that each is compared with, itself among them.
    """
    clusters = -(-len(points) // members)
    found = k_means(points, clusters, ids, seed_for(seed, "groups"), improvement=1e-2)
    order = np.argsort(found.assignment, kind="stable")
    counts = np.bincount(found.assignment, minlength=len(found.centres))
    of_cluster = [rows for rows in np.split(order, np.cumsum(counts)[:-1]) if len(rows)]
    centres = found.centres[counts > 0]
    near = np.zeros((len(centres), len(centres)), np.bool_)
    np.put_along_axis(near, nearest(centres, centres, min(partners, len(centres)))[1], True, axis=1)
    near |= near.T | np.eye(len(centres), dtype=np.bool_)
    return _in_parts(of_cluster, near, 2 * members)


def _in_parts(of_cluster: list[npt.NDArray[np.int64]], near: npt.NDArray[np.bool_], largest: int) -> Groups:
    """The clusters as groups, large ones in several; each part of a cluster is compared with all parts of near ones."""
    counts = [-(-len(rows) // largest) for rows in of_cluster]
    parts = [part for rows, count in zip(of_cluster, counts, strict=True) for part in np.array_split(rows, count)]
    cluster = np.repeat(np.arange(len(of_cluster)), counts)
    return Groups(parts, [np.flatnonzero(near[number][cluster]) for number in cluster])


def recall(graph: BallGraph, points: Vectors, radius: float, order: npt.NDArray[np.uint64]) -> float:
    """Share of the true neighbours of a random sample of points that the graph has.

    Args:
        graph: the graph on these points.
        points: N points of length 1.
        radius: of the graph.
        order: (N,), the points of the smallest numbers are looked at.

    Cost: O(256·N·d) multiply-adds.
    """
    rows = np.sort(np.argsort(order, kind="stable")[:SAMPLE])
    centres = points.at(rows)
    counts = for_each_block(
        len(points), lambda part: (squared_distances(points.at(part), centres) < radius * radius).sum(axis=0)
    )
    return float(graph.degrees[rows].sum() / max(1, np.sum(counts)))


Rows = npt.NDArray[np.int64]


def without_near_duplicates(pool: Candidates, available: Rows, kept: Rows, similarity: float, seed: int) -> Rows:
    """The available rows less those too similar to a labelled sample, to a kept one or to another available one.

    Args:
        pool: `features` (N, d), `labelled_features` (L, d) where there are labels.
        available: sorted rows to choose from.
        kept: rows that stay whatever they resemble, such as samples that must be included.
        similarity: cosine similarity from which samples count as the same.
        seed: decides the clusters in which duplicates of a large pool are looked for.

    Of samples that are the same the first in the order of a hash of the id stays.

    Raises:
        ConfigurationError: the candidates have no features.

    Cost: that of a `BallGraph` on the pool.
    """
    if pool.features is None:
        raise ConfigurationError("near_duplicates needs features, which the candidates lack.")
    if not len(pool):
        return available
    points = Vectors(pool.features, unit_length)
    radius = max(float(np.sqrt(2 * (1 - similarity))), SMALLEST_RADIUS)
    graph = BallGraph(points, radius, groups_for(points, pool.ids, seed))
    removed = np.zeros(len(pool), np.bool_)
    if pool.labelled_features is not None:
        removed = nearest_among(points, Vectors(pool.labelled_features, unit_length)) < radius * radius
    waiting = np.setdiff1d(available, kept)
    waiting = waiting[np.argsort(keyed_order(pool.ids[waiting], "ties"), kind="stable")]
    for row in [*kept.tolist(), *waiting[graph.degrees[waiting] > 1].tolist()]:
        if row in kept or not removed[row]:
            same = graph.neighbours(row)
            removed[same[same != row]] = True
    removed[kept] = False
    return available[~removed[available]]
