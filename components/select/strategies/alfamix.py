"""ALFA-Mix: samples whose prediction flips when a little of the labelled classes is mixed into their features.

Source: Parvaneh et al., CVPR 2022, section 3.2 (equation 5, the closed form) and 3.3. With anchor z* the mixed features
are z + α(z* - z) with α = ε‖z* - z‖/‖g‖ · g/(z* - z), that is z + ε‖z* - z‖ · g/‖g‖: the anchor only decides how far
to go along g, the gradient of the loss at the predicted class. Under a linear head the difference of any two scores is
linear in that distance, so a prediction that flips for any anchor flips for the farthest.
Cost: O(N·C·(d + C)) time in matrix products; 24 bytes a sample and the clusters of the candidates beside the features.
k-means takes more iterations the more candidates there are a pick, up to 512, which is most of the time in large pools.
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import block_rows_for, for_each_block
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.models.head import EPSILON, LinearHead
from labelcycle.components.select.checks import require_above
from labelcycle.components.select.clustering import cluster_picks
from labelcycle.components.select.points import Vectors, squared_distances, unit_length, vector_block
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

Doubles = npt.NDArray[np.float64]

POINTS_PER_CLUSTER = 32
"""Clusters are found on a random sample of at most so many candidates each: a centre only decides which sample is the
nearest, and with all candidates a larger pool takes more iterations besides."""


@strategy(needs={"features", "head", "labelled_features", "labelled_classes"}, version=2)
def alfamix(pool: Candidates, budget: int, seed: int, epsilon: float = 0.2) -> Picks:
    """Samples from the centres of `budget` clusters of those whose prediction flips, then those of smallest margin.

    Args:
        pool: `features` (N, d), `head`, `labelled_features` (L, d) and `labelled_classes` (L,).
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the start of k-means.
        epsilon: how much is mixed in at most; the method's ε is this number divided by √d.

    Raises:
        ConfigurationError: epsilon is not above 0.

    The score is 1 less the share of the farthest anchor's mixture that a flip takes, so above 0 where there is a flip,
    and at least -1.
    """
    assert pool.features is not None and pool.head is not None
    assert pool.labelled_features is not None and pool.labelled_classes is not None
    require_above("epsilon", epsilon, 0)
    needed, margins = steps_to_flip(pool.features, pool.head)
    anchors = class_means(pool.labelled_features, pool.labelled_classes)
    allowed = epsilon / np.sqrt(pool.features.shape[1]) * distances_to_farthest(pool.features, anchors)
    flips = needed < allowed
    shares = np.divide(needed, allowed, out=np.full(len(pool), np.inf), where=allowed > 0)
    scores = np.maximum(1 - shares, -1)
    candidates = np.flatnonzero(flips)
    if len(candidates) > budget:
        vectors = Vectors(pool.features[candidates], unit_length)
        found = cluster_picks(vectors, pool.ids[candidates], budget, (seed, pool.cycle, "alfamix"), POINTS_PER_CLUSTER)
        rows = candidates[found.rows]
        reasons = [f"prediction flips; {reason}" for reason in found.reasons]
        return Picks(rows, scores[rows], reasons, found.clusters, found.represents)
    rows = np.lexsort((keyed_order(pool.ids, "ties"), margins, ~flips))[:budget]
    reasons = [
        f"{'prediction flips' if flip else 'no flip'}; margin {margin:.3f}"
        for flip, margin in zip(flips[rows], margins[rows], strict=True)
    ]
    return Picks(rows, scores[rows], reasons)


def class_means(features: npt.NDArray[np.floating], classes: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """The mean features of each class that occurs: (L, d) → float32 (classes, d)."""
    means = [features[classes == number].mean(axis=0, dtype=np.float64) for number in np.unique(classes)]
    return np.array(means, np.float32).reshape(len(means), features.shape[1])


def steps_to_flip(features: npt.NDArray[np.floating], head: LinearHead) -> tuple[Doubles, Doubles]:
    """How far each sample must go along the normalised gradient of its loss until the head predicts another class.

    Args:
        features: (N, d).
        head: of C classes.

    Returns:
        The distance, infinite where no distance is enough, and the margin between the two likeliest classes: (N,) each.

    The gradient with respect to the features is Wᵀ(p - e_ŷ), with W the weights after folding the normalisation in. Its
    effect on the scores is (p - e_ŷ)WWᵀ, so that it is never built. Only its direction matters: p - e_ŷ is divided by
    1 - p_ŷ, which keeps it exact where the head is certain. Its entries add up to 0, so that W may be centred, which
    keeps what all classes share out of the rounding errors: single precision then adds about as much error as the
    scores, which the head computes in single precision, have anyway.
    """
    folded = (head.weight * (head.scale / np.sqrt(head.running_var + EPSILON))).astype(np.float64)
    folded -= folded.mean(axis=0)
    products = (folded @ folded.T).astype(np.float32)
    samples = Vectors(features)
    needed, margins = np.empty(len(features)), np.empty(len(features))

    def find(rows: slice) -> None:
        logits = head.logits(samples.read(rows))
        order = np.arange(len(logits))
        predicted = logits.argmax(axis=1)
        behind = logits[order, predicted][:, None] - logits
        behind[order, predicted] = np.inf
        nearest = behind.min(axis=1)
        direction = np.where(np.isfinite(nearest), nearest, 0)[:, None] - behind
        np.exp(direction, out=direction)
        total = direction.sum(axis=1)
        closeness = np.exp(-nearest.astype(np.float64))
        margins[rows] = (1 - closeness) / (1 + closeness * total)
        direction /= np.maximum(total, 1)[:, None]
        direction[order, predicted] = -1
        moved = direction @ products
        length = np.sqrt(np.maximum(np.einsum("nc,nc->n", direction, moved), 0))
        moved -= moved[order, predicted][:, None]
        moved[order, predicted] = 0
        with np.errstate(over="ignore"):
            steps = np.divide(behind, moved, out=np.full_like(moved, np.inf), where=moved > 0).min(axis=1)
        needed[rows] = np.multiply(steps, length, out=np.full_like(steps, np.inf), where=length > 0)

    for_each_block(len(features), find, block_rows_for(4 * len(head.bias)))
    return needed, margins


def distances_to_farthest(features: npt.NDArray[np.floating], anchors: npt.NDArray[np.float32]) -> Doubles:
    """Each sample's distance to the farthest anchor, (N,); 0 where there are no anchors."""
    points, targets = Vectors(features), vector_block(anchors)
    result = np.zeros(len(features))

    def measure(rows: slice) -> None:
        result[rows] = np.sqrt(squared_distances(points.at(rows), targets).max(axis=1))

    if len(anchors):
        for_each_block(len(features), measure, block_rows_for(len(anchors)))
    return result
