"""TypiClust: the most typical sample of each cluster that has few labels, the largest clusters first.

Source: Hacohen, Dekel and Weinshall, ICML 2022, section 3 and the authors' code (at most 500 clusters, small ones left
    out).
Cost: k-means with k = min(L + B, 500) in 48 principal directions, then O(Σ n²·d) multiply-adds over clusters of n
    samples, at most 1024 of each; memory of 48 numbers a sample.

Typicality: how close a sample lies to its nearest neighbours within a cluster.

TCM: TypiClust while there are few labels, then margin.

With few labels, what a model is unsure of says little, and typical samples teach it the most; later it is the other way
round.

Source: Doucet et al., Bridging Diversity and Uncertainty in Active Learning with Self-Supervised Pre-Training, 2024
    (arXiv 2403.03728). The paper switches early, after a number of its own steps; here the switch is counted in labels
    a class, so that it does not depend on the size of a query. By default it comes at 5 a class, where margin overtakes
    TypiClust on EuroSAT.
Cost: that of `typiclust` before the switch, that of `margin` after it.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.neighbours import nearest
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.select.checks import require_at_least
from labelcycle.components.select.clustering import DIRECTIONS, assign, k_means
from labelcycle.components.select.points import Floats, Vectors, unit_length
from labelcycle.components.select.principal_directions import along, principal_directions
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategies.uncertainty_sampling import margin
from labelcycle.components.select.strategy import Candidates, Picks

SMOOTHING = 1e-5
"""Added to the mean squared distance."""


def typicality(members: Floats, neighbours: int) -> Floats:
    """1 / (mean squared distance to the nearest neighbours + 1e-5) of each member, float32 (n,).

    Args:
        members: the n points of a cluster, float32 (n, d).
        neighbours: how many neighbours count; half of the members (at least 1) where that is less.

    Source: TypiClust, equation 4; neighbours in a small cluster as in the authors' code.
    Cost: O(n²·d) multiply-adds; memory of n · neighbours numbers.
    """
    size = len(members)
    wanted = min(neighbours, max(1, size // 2))
    if size == 1:
        return np.full(1, 1 / SMOOTHING, np.float32)
    squared, _ = nearest(members, members, wanted + 1)  # the first is itself, or a copy of it
    means: Floats = squared[:, 1:].mean(axis=1) + np.float32(SMOOTHING)
    return np.reciprocal(means, out=means)


Counts = npt.NDArray[np.int64]

MOST_CLUSTERS = 500
MOST_COMPARED = 1024
"""In clusters of more members, a random sample of so many is looked at."""

SMALL = 5
"""Clusters of so few samples are left out."""

IMPROVEMENT = 1e-3
"""Iterations of k-means end when they improve by less: the clusters need to be regions, not an optimum."""


@strategy(needs={"features"}, uses={"labelled_features", "labelled_ids"}, version=2)
def typiclust(pool: Candidates, budget: int, seed: int, neighbours: int = 20) -> Picks:
    """The most typical sample of each cluster, in the order of labelled samples in it, then of size.

    Args:
        pool: `features` (N, d); `labelled_features` (L, d) where there are labels.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the start of k-means.
        neighbours: typicality looks at so many nearest members, or half of the cluster if that is less.

    Raises:
        ConfigurationError: no neighbours.

    The score is the typicality, 1 / (mean squared distance to the neighbours), of L2-normalised features among the
    cluster's unlabelled members that are not picked yet. Where there are more picks than clusters, clusters are gone
    through again; once they are empty, those left out are.
    """
    assert pool.features is not None
    if neighbours < 1:
        raise ConfigurationError(f"neighbours must be at least 1; got {neighbours}.")
    points = Vectors(pool.features, unit_length)
    labelled = None if pool.labelled_features is None else Vectors(pool.labelled_features, unit_length)
    count = 0 if labelled is None else len(labelled)
    key = seed_for(seed, pool.cycle, "typiclust")
    directions = principal_directions(points, min(points.width, DIRECTIONS), key)
    reduced = Vectors(along(points, directions))
    reduced_labelled = None if labelled is None else Vectors(along(labelled, directions))
    found = k_means(
        reduced, min(count + budget, MOST_CLUSTERS, len(pool)), pool.ids, key, IMPROVEMENT, also=reduced_labelled
    )
    labels = np.zeros(len(found.centres), np.int64)
    if reduced_labelled is not None and count:
        labels = np.bincount(assign(reduced_labelled, found.centres).assignment, minlength=len(found.centres))
    sizes = np.bincount(found.assignment, minlength=len(found.centres))
    turns = _turns(sizes, labels, budget)
    ties = keyed_order(pool.ids, "ties")
    members = np.split(np.lexsort((ties, found.assignment)), np.cumsum(sizes)[:-1])
    asked = np.flatnonzero(np.bincount(turns, minlength=len(sizes)))
    queues: dict[int, list[tuple[int, float]]] = {}

    def pick(clusters: slice) -> None:
        for cluster in asked[clusters].tolist():
            queues[cluster] = _most_typical(points, members[cluster], int((turns == cluster).sum()), neighbours)

    for_each_block(len(asked), pick, block_rows=1)
    picks = [queues[cluster].pop(0) for cluster in turns.tolist()]
    rows = np.array([row for row, _ in picks])
    scores = np.array([score for _, score in picks])
    reasons = [
        f"typicality {score:.3g} in cluster {cluster}, of {sizes[cluster]} candidates and {labels[cluster]} labels"
        for score, cluster in zip(scores, turns, strict=True)
    ]
    represents = sizes[turns] // np.bincount(turns, minlength=len(sizes))[turns]
    return Picks(rows, scores, reasons, turns, represents)


def _turns(sizes: Counts, labels: Counts, budget: int) -> Counts:
    """Which cluster each pick comes from, (budget,).

    Args:
        sizes: candidates in each cluster, (k,).
        labels: labelled samples in each, (k,).
        budget: number of picks, at most all candidates.
    """
    order = np.lexsort((-(sizes + labels), labels))
    small = sizes + labels <= SMALL
    turns: list[int] = []
    for group in (order[~small[order]], order[small[order]]):
        left = sizes[group].copy()
        while len(turns) < budget and left.any():
            turns.extend(group[left > 0].tolist())
            left = np.maximum(left - 1, 0)
    return np.array(turns[:budget], np.int64)


def _most_typical(points: Vectors, members: Counts, size: int, neighbours: int) -> list[tuple[int, float]]:
    """`size` of the members one after another, each the most typical among those left, with its typicality.

    Members are in random order, so that the first of them are a random sample.
    """
    members = members[: MOST_COMPARED + size]
    vectors = points.read(members)
    vectors -= vectors.mean(axis=0)  # distances stay, and float32 tells them apart in tight clusters too
    picks: list[tuple[int, float]] = []
    for _ in range(size):
        values = typicality(vectors[:MOST_COMPARED], neighbours)
        best = int(values.argmax())
        picks.append((int(members[best]), float(values[best])))
        members, vectors = np.delete(members, best), np.delete(vectors, best, axis=0)
    return picks


@strategy(needs={"features", "probs"}, uses={"labelled_features", "labelled_ids"}, version=2)
def tcm(pool: Candidates, budget: int, seed: int, labels_a_class: float = 5.0, neighbours: int = 20) -> Picks:
    """TypiClust's picks while there are fewer labels a class than `labels_a_class` on average, then those of margin.

    The first query, for which there is no model yet, is TypiClust's too where `typiclust` is the cold start.

    Args:
        pool: `features` (N, d), `probs` (N, C); `labelled_features` (L, d) where there are labels.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the start of TypiClust's k-means.
        labels_a_class: margin asks once L ≥ C · labels_a_class; 0 for margin at once.
        neighbours: of TypiClust.

    Raises:
        ConfigurationError: a negative number of labels a class, no neighbours.

    The score is that of the strategy whose picks they are.
    """
    require_at_least("labels_a_class", labels_a_class, 0)
    require_at_least("neighbours", neighbours, 1)
    assert pool.probs is not None
    labels = 0 if pool.labelled_features is None else len(pool.labelled_features)
    if labels < labels_a_class * pool.probs.shape[1]:
        picks, why = typiclust(pool, budget, seed, neighbours=neighbours), "few labels yet"
    else:
        picks, why = margin(pool, budget, seed), "enough labels"
    return replace(picks, reasons=[f"{why}: {reason}" for reason in picks.reasons])
