"""The samples that stand for centroids: one a centroid, the most similar that none before it has taken.

Centroids without the bias of their start: several sets of them, started apart, matched and averaged out.

Source: VeCAF, section 3.1, below equation 7. The paper leaves open which covariance it means and how five members give
one that can be inverted: here it is that of one centroid around its mean, pooled over centroids, shrunk towards a
multiple of the identity; and no centroid moves by more than its distance to the mean.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import block_rows_for, blocks_in_turn, one_thread_products
from labelcycle.components.core.features.matmul import matmul
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.select.centroids import Assignment, Doubles, Frozen, Integers, UnitVectors
from labelcycle.components.select.points import Floats

Keys = npt.NDArray[np.uint64]

SHORT_LIST = 8
"""Most similar samples that are noted for each centroid at first."""

LIST_ENTRIES = 2**21
"""Entries that the lists of all centroids may have together, as long as each has `SHORT_LIST`: 16 MB."""

LOWER_HALF = np.uint64(2**32 - 1)
"""The half of a key that says which sample it is."""

RESOLUTION = 2**20
"""Cosines closer than one part in so many count as equal; rounding errors of matrix products are smaller."""


def match_samples(
    vectors: UnitVectors, ids: npt.NDArray[np.str_], centroids: Floats, list_entries: int = LIST_ENTRIES
) -> tuple[Integers, Doubles]:
    """Each centroid in turn takes the most similar sample that is still free; ties go by a hash of the id.

    Args:
        vectors: N samples.
        ids: (N,), sorted.
        centroids: float32 (B, d), of length 1, B ≤ N.
        list_entries: entries of the lists of all centroids together, as long as each has `SHORT_LIST`; it changes how
            long it takes and not the rows.

    Returns:
        (B,) distinct rows and their cosines.

    Cost: one pass of N·B·d multiply-adds; another for the centroids that are left whenever all samples on a list are
        taken, which only happens where many centroids are alike; the lists double each time.
    """
    first_to_last = np.argsort(keyed_order(ids, "ties"), kind="stable")
    priorities = np.empty(len(ids), np.uint64)
    priorities[first_to_last] = np.arange(len(ids), 0, -1)
    taken = np.zeros(len(ids), np.bool_)
    rows = np.empty(len(centroids), np.int64)
    cosines = np.empty(len(centroids))
    done, length = 0, SHORT_LIST
    while done < len(centroids):
        waiting = centroids[done:]
        length = max(SHORT_LIST, min(length, list_entries // len(waiting)))
        lists = _most_similar_free(vectors, waiting, priorities, taken, min(length, len(ids)))
        positions = len(ids) - (lists & LOWER_HALF).astype(np.int64)
        listed = first_to_last[np.minimum(positions, len(ids) - 1)]
        for keys, candidates in zip(lists, listed, strict=True):
            free = np.flatnonzero((keys > 0) & ~taken[candidates])
            if not len(free):
                break
            rows[done] = candidates[free[0]]
            cosines[done] = float(keys[free[0]] >> np.uint64(32)) / RESOLUTION - 1
            taken[rows[done]] = True
            done += 1
        length *= 2
    return rows, cosines


def stands_for(assignment: Assignment, rows: Integers, frozen: Frozen | None = None) -> Integers:
    """The pick that each sample of the pool is represented by: int64 (N,), -1 where a frozen centroid is nearer.

    Args:
        assignment: of all N samples to the B free centroids.
        rows: the pick of each centroid, (B,); a pick stands for itself whatever centroid is nearest.
        frozen: frozen centroids.
    """
    numbers = assignment.nearest.copy()
    if frozen is not None:
        numbers[frozen.assignment.cosines > assignment.cosines] = -1
    numbers[rows] = np.arange(len(rows))
    return numbers


def _most_similar_free(
    vectors: UnitVectors, centroids: Floats, priorities: Keys, taken: npt.NDArray[np.bool_], length: int
) -> Keys:
    """The keys of the `length` most similar samples that are not taken, best first: (centroids, length).

    A key holds the cosine, rounded, in its upper half and the sample's priority among ties in its lower half, so that
    keys sort like samples and no two are equal. 0 stands for no sample.
    """

    def best_of(rows: slice) -> Keys:
        cosines = matmul(centroids, vectors.read(rows).T)
        cosines += 1
        cosines *= RESOLUTION
        keys: Keys = np.rint(cosines).clip(min=0).astype(np.uint64)
        keys <<= np.uint64(32)
        keys |= priorities[rows]
        keys[:, taken[rows]] = 0
        if keys.shape[1] > length:
            keys = np.partition(keys, -length, axis=1)[:, -length:]
        return keys

    best: Keys = np.zeros((len(centroids), 0), np.uint64)
    for keys in blocks_in_turn(len(vectors), best_of, block_rows_for(len(centroids)), at_once=2):
        best = np.concatenate([best, keys], axis=1)
        if best.shape[1] > length:
            best = np.partition(best, -length, axis=1)[:, -length:]
    result: Keys = np.sort(best, axis=1)[:, ::-1]
    return result


def matched(member: Floats, reference: Floats) -> Floats:
    """The centroids of a member, each in the place of the one of the reference that it is matched to.

    Args:
        member: (K, d), of length 1.
        reference: (K, d), of length 1.

    Returns:
        float32 (K, d), the order that makes the sum of cosines largest.

    Cost: a K×K array and O(K³) time in the worst case, about a second for K = 2000.
    """
    from scipy.optimize import linear_sum_assignment

    with one_thread_products():
        cosines = reference @ member.T
    _, positions = linear_sum_assignment(cosines, maximize=True)
    result: Floats = member[positions]
    return result


def debiased(members: Sequence[Floats], shrinkage: float) -> Floats:
    """θ₁ - Σ⁻¹(θ₁ - μ) over matched members, at length 1.

    Args:
        members: E sets of centroids (K, d), of which the first is corrected.
        shrinkage: Σ is made invertible by adding this share of its mean eigenvalue to each.

    Returns:
        float32 (K, d). The first member itself where all agree.

    Cost: O(E·K·d² + d³) time, d² numbers of memory.
    """
    sets = np.stack([members[0], *(matched(member, members[0]) for member in members[1:])]).astype(np.float64)
    mean = sets.mean(axis=0)
    deviations = (sets - mean).reshape(-1, sets.shape[2])
    away = sets[0] - mean
    with one_thread_products():
        covariance = deviations.T @ deviations / len(deviations)
        trace = float(np.trace(covariance))
        if not trace > 0:
            return members[0]
        covariance[np.diag_indices_from(covariance)] += shrinkage * trace / len(covariance)
        steps = np.linalg.solve(covariance, away.T).T
    result = sets[0] - _no_longer_than(steps, np.linalg.norm(away, axis=1))
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    unit: Floats = (result / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit


def _no_longer_than(steps: Doubles, lengths: Doubles) -> Doubles:
    taken = np.linalg.norm(steps, axis=1)
    share = np.divide(lengths, taken, out=np.ones_like(taken), where=taken > lengths)
    result: Doubles = steps * share[:, None]
    return result
