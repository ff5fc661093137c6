"""Centroids without the bias of their start: several sets of them, started apart, matched and averaged out.

Source: VeCAF, section 3.1, below equation 7. The paper leaves open which covariance it means and how five members give
one that can be inverted: here it is that of one centroid around its mean, pooled over centroids, shrunk towards a
multiple of the identity; and no centroid moves by more than its distance to the mean.
"""

from collections.abc import Sequence

import numpy as np

from labelcycle.components.core.blocks import one_thread_products
from labelcycle.components.select.centroids import Doubles
from labelcycle.components.select.points import Floats


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
    _, places = linear_sum_assignment(cosines, maximize=True)
    result: Floats = member[places]
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
