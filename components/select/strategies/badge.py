"""BADGE: samples whose loss gradients would be large and different from each other.

The gradient embedding of a sample is g = (p - onehot(ŷ)) ⊗ h, C·d numbers, where h is what the last linear layer sees.
It is never built: inner products of two embeddings are products of the inner products of their factors.

Source: Ash et al., ICLR 2020, Algorithm 1; h after batch normalisation as in DropQuery's code.
Cost: O(B·N·(C + d)) multiply-adds in matrix products; N·C numbers beside the features, never N×(C·d).
"""

import numpy as np

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.select.distances import lower_to_nearest
from labelcycle.components.select.last_layer import HeadNormalisation
from labelcycle.components.select.points import Floats, Gradients, Vectors
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.squared_distance_sampling import sample_by_squared_distance
from labelcycle.components.select.strategy import Candidates, Picks


@strategy(needs={"probs", "features"}, uses={"head"}, of_last_layer=True, version=2)
def badge(pool: Candidates, budget: int, seed: int) -> Picks:
    """k-means++ seeding on gradient embeddings: first the largest, then each in proportion to its squared distance.

    Args:
        pool: `probs` (N, C), `features` (N, d), and the `head` that normalises them; without one they are taken as
            they are.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the draws.

    The score is the distance to the nearest earlier pick, for the first pick the length of its embedding.

    Version 1 took features as they are, though the head normalises them before its linear layer.
    """
    assert pool.probs is not None and pool.features is not None
    normalise = None if pool.head is None else HeadNormalisation(pool.head)
    points = Gradients(Vectors(pool.probs, _residuals), Vectors(pool.features, normalise))
    ties = keyed_order(pool.ids, "ties")
    squared_lengths = np.concatenate(for_each_block(len(pool), lambda rows: points.at(rows).squared_norms))
    largest = np.flatnonzero(squared_lengths == squared_lengths.max())
    first = largest[[ties[largest].argmin()]]
    nearest = np.full(len(pool), np.inf, np.float32)
    lower_to_nearest(nearest, points, points.at(first))
    nearest[first] = 0
    generator = np.random.default_rng(seed_for(seed, pool.cycle, "badge"))
    rows, squared = sample_by_squared_distance(points, nearest, ties, budget, generator, already=first)
    distances = np.sqrt(np.concatenate([squared_lengths[first], squared]))
    reasons = [f"gradient at distance {distance:.3f} from all picked" for distance in distances]
    reasons[0] = f"largest gradient, {distances[0]:.3f}"
    return Picks(rows, distances, reasons)


def _residuals(probs: Floats) -> Floats:
    """P - onehot(ŷ), the gradient of the loss at the predicted class with respect to the logits; in place."""
    probs[np.arange(len(probs)), probs.argmax(axis=1)] -= 1
    return probs
