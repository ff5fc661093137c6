"""ProbCover: the samples whose balls cover the most of the pool, with the largest balls that are still of one class.

Source: Yehuda et al., NeurIPS 2022, Algorithm 1; the radius as in section 3.3 there (purity of pseudo-labels).
Cost: exact up to 100,000 samples: O(N²·d / 2) multiply-adds. Beyond, samples are compared within near clusters only,
    O(N·4096·d) for each 4 partners, and the share of neighbours found so is reported. Memory: as much as the features.

The largest radius at which most balls hold samples of one pseudo-label only, or at which most of what they hold is of
their centre's.

The paper's rule counts a ball without any other sample as pure. Where a few classes lie much closer together than the
others it therefore stops at a radius at which most samples are alone, and the first picks all come from these classes.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.blocks import blocks_in_turn, for_each_block
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.select.ball_graph import SMALLEST_RADIUS, BallGraph
from labelcycle.components.select.clustering import k_means
from labelcycle.components.select.distances import farthest_first, lower_to_nearest, nearest_among
from labelcycle.components.select.near_duplicates import MEMBERS, MOST_EXACT, PARTNERS, groups_for, recall
from labelcycle.components.select.points import Vectors, squared_distances, unit_length
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

SAMPLE = 1024
"""Purity is measured on at most so many balls."""

STEP = 0.01
"""Radii that are tried where members are counted differ by so much."""

PurityOf = Literal["balls", "members"]
PURITY: dict[PurityOf, float] = {"balls": 0.95, "members": 0.85}
"""The least share where none is given. Radii by the second one were best or nearly so on EuroSAT, on scikit-learn's
digits and on Caltech-101: see `tests/bench/RESULTS.md`."""

ROUNDING = 1e-6
"""Squared distances of vectors of length 1 are known to so much: the radius stays below by it."""


def pure_radius(
    points: Vectors,
    pseudo_labels: npt.NDArray[np.int64],
    purity: float,
    order: npt.NDArray[np.uint64],
    balls: int = SAMPLE,
) -> float:
    """The largest radius at which at least `purity` of the balls are pure; 2 where there is one pseudo-label only.

    A ball (points at a distance below the radius) is pure as long as the radius is at most the distance from its centre
    to the nearest point of another pseudo-label. So the radius is a quantile of those distances.

    Args:
        points: N points of length 1.
        pseudo_labels: (N,).
        purity: share of balls, above 0 and at most 1.
        order: (N,), the balls of the smallest numbers are measured.
        balls: on how many of them at most.

    Source: ProbCover, section 3.3.
    Cost: O(1024·N·d) multiply-adds; memory of a block of distances a core.
    """
    rows = np.sort(np.argsort(order, kind="stable")[:balls])
    centres = points.at(rows)

    def nearest_other(part: slice) -> npt.NDArray[np.float32]:
        distances = squared_distances(points.at(part), centres)
        distances[pseudo_labels[part][:, None] == pseudo_labels[rows]] = 4
        least: npt.NDArray[np.float32] = distances.min(axis=0)
        return least

    nearest = np.min(for_each_block(len(points), nearest_other, block_rows=256), axis=0)
    nearest.sort()
    impure = min(int((1 - purity) * len(rows) + 1e-9), len(rows) - 1)
    squared = float(nearest[impure])
    return 2.0 if squared >= 4 else float(np.sqrt(max(squared - ROUNDING, ROUNDING)))


def radius_of_pure_members(
    points: Vectors,
    pseudo_labels: npt.NDArray[np.int64],
    purity: float,
    order: npt.NDArray[np.uint64],
    balls: int = SAMPLE,
) -> float:
    """The largest radius at which samples of a ball have its centre's pseudo-label, by a share of `purity` on average.

    Unlike the share of balls that are pure throughout, this changes little with the number of points, and it does not
    end at the radius where balls at the border of a class begin to hold a first sample of another.

    Args:
        points: N points of length 1.
        pseudo_labels: (N,).
        purity: mean share over the balls, above 0 and at most 1; the centre counts as a member.
        order: (N,), the balls of the smallest numbers are measured.
        balls: on how many of them at most.

    Returns:
        A multiple of `STEP` from `STEP` to 2.

    Cost: O(1024·N·d) multiply-adds, and as many distances counted; memory for 16 times 1024·2/STEP numbers.
    """
    rows = np.sort(np.argsort(order, kind="stable")[:balls])
    centres, steps = points.at(rows), round(2 / STEP)
    offsets = np.arange(len(rows)) * (steps + 1)

    def count(part: slice) -> npt.NDArray[np.int64]:
        distances = np.sqrt(squared_distances(points.at(part), centres))
        places = np.minimum((distances / np.float32(STEP)).astype(np.int64), steps) + offsets
        same = pseudo_labels[part][:, None] == pseudo_labels[rows]
        size = len(rows) * (steps + 1)
        return np.stack([np.bincount(places.ravel(), minlength=size), np.bincount(places[same], minlength=size)])

    counted = np.zeros((2, len(rows) * (steps + 1)), np.int64)
    for part in blocks_in_turn(len(points), count, block_rows=256, at_once=8):
        counted += part
    members, alike = counted.reshape(2, len(rows), steps + 1).cumsum(axis=2)
    shares = (alike / np.maximum(members, 1)).mean(axis=0)
    fine = np.flatnonzero(shares[:steps] >= purity - 1e-9)
    return STEP * (int(fine[-1]) + 1) if len(fine) else STEP


@strategy(
    needs={"features"},
    uses={"labelled_features", "probs", "head", "labelled_classes"},
    of_last_layer=False,
    version=2,
)
def probcover(
    pool: Candidates,
    budget: int,
    seed: int,
    radius: float | None = None,
    purity: float | None = None,
    clusters: int | None = None,
    purity_of: PurityOf = "balls",
) -> Picks:
    """Greedy maximum coverage of the pool by balls around the picks, on L2-normalised features.

    Args:
        pool: `features` (N, d); `labelled_features` (L, d), whose balls are covered already.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the pseudo-labels and the sample on which the radius is found.
        radius: the radius of the balls, between 0 and 2; None finds the largest that is pure enough.
        purity: least share, of what `purity_of` says; None for 0.95 of balls, as in the paper, or 0.85 of members.
        clusters: number of pseudo-labels; None for the number of classes, or of picks where that is unknown.
        purity_of: `balls` asks how many hold samples of one pseudo-label only, as the paper does; `members` asks what
            share of a ball's samples has its centre's, on average. The latter finds larger balls, which is better where
            some classes are far denser than others.

    The score is the number of samples newly covered. Once everything is covered, the samples farthest from all labelled
    and picked ones follow, with score 0.
    """
    assert pool.features is not None
    purity = PURITY[purity_of] if purity is None else purity
    if not 0 < purity <= 1 or (radius is not None and not 0 < radius <= 2):
        raise ConfigurationError("purity is a share above 0, radius is above 0 and at most 2.")
    if clusters is not None and clusters < 1:
        raise ConfigurationError(f"clusters must be at least 1; got {clusters}.")
    points = Vectors(pool.features, unit_length)
    ties = keyed_order(pool.ids, "ties")
    key = seed_for(seed, pool.cycle, "probcover")
    if radius is None:
        pseudo = k_means(points, min(len(pool), clusters or _classes(pool) or budget), pool.ids, key)
        found = pure_radius if purity_of == "balls" else radius_of_pure_members
        radius = found(points, pseudo.assignment, purity, keyed_order(pool.ids, key, "radius"))
    radius = max(radius, SMALLEST_RADIUS)
    labelled = np.empty((0, points.width), np.float32) if pool.labelled_features is None else pool.labelled_features
    to_labelled = nearest_among(points, Vectors(labelled, unit_length))
    graph = neighbour_graph(points, radius, pool.ids, key)
    rows, covered = _cover(graph, to_labelled < radius * radius, ties, budget)
    reasons = [f"covers {count} more samples within {radius:.3f}" for count in covered]
    if len(rows) < budget:
        to_labelled[rows] = -1
        for start in range(0, len(rows), 512):
            lower_to_nearest(to_labelled, points, points.at(rows[start : start + 512]))
        to_labelled[rows] = -1
        more, distances = farthest_first(points, to_labelled, ties, budget - len(rows))
        reasons += [f"all is covered; distance {distance:.3f} from it" for distance in np.sqrt(distances)]
        rows, covered = np.concatenate([rows, more]), np.concatenate([covered, np.zeros(len(more), np.int64)])
    return Picks(rows, covered.astype(np.float64), reasons, None, np.maximum(covered, 1))


def _classes(pool: Candidates) -> int | None:
    if pool.probs is not None:
        return int(pool.probs.shape[1])
    if pool.head is not None:
        return len(pool.head.bias)
    if pool.labelled_classes is not None and len(pool.labelled_classes):
        return int(pool.labelled_classes.max()) + 1
    return None


def neighbour_graph(
    points: Vectors,
    radius: float,
    ids: npt.NDArray[np.str_],
    key: int,
    exact_up_to: int = MOST_EXACT,
    members: int = MEMBERS,
    partners: int = PARTNERS,
) -> BallGraph:
    """Which points lie within the radius of each other; where they are many, most of them, and a notice says how many.

    Args:
        points: N points of length 1.
        radius: of the balls.
        ids: sample ids, (N,), sorted.
        key: decides the clusters of many points, and on which points the share of found neighbours is measured.
        exact_up_to: all pairs of up to so many points are compared.
        members: points of a cluster, on average, where there are more.
        partners: nearest clusters that each cluster is compared with.
    """
    graph = BallGraph(points, radius, groups_for(points, ids, key, exact_up_to, members, partners))
    if len(points) <= exact_up_to:
        return graph
    found = recall(graph, points, radius, keyed_order(ids, key, "recall"))
    notice(f"probcover: {len(points)} samples are compared within near clusters; {found:.1%} of neighbours are found.")
    return graph


def _cover(
    graph: BallGraph, covered: npt.NDArray[np.bool_], ties: npt.NDArray[np.uint64], budget: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of the greedy cover, until all is covered, and how many samples each covers newly."""
    if 2 * covered.sum() < len(covered):
        gains = graph.degrees - graph.count_among(np.flatnonzero(covered))
    else:
        gains = graph.count_among(np.flatnonzero(~covered))
    by_ties = np.argsort(ties, kind="stable")
    rows: list[int] = []
    counts: list[int] = []
    while len(rows) < budget:
        best = int(by_ties[gains[by_ties].argmax()])
        if gains[best] <= 0:
            break
        new = graph.neighbours(best)
        new = new[~covered[new]]
        covered[new] = True
        gains -= graph.count_among(new)
        gains[best] = 0
        rows.append(best)
        counts.append(len(new))
    return np.array(rows, np.int64), np.array(counts, np.int64)
