"""VeCAF's objective-aware data selection: centroids near the samples of large loss, far from each other.

Source: VeCAF, section 3.1, equation 7 and the ensemble below it: minimise -Σ pᵢ⟨eᵢ, θ^{cᵢ}⟩ + λ·Σ_k log Σ_{j≠k}
exp⟨θ_k, θ_j⟩ with cosines and pᵢ = Lᵢ/ΣL. The equation is printed with losses Lᵢ in place of pᵢ; in the unit in which
their mean is 1, its λ is N times that beside pᵢ. λ itself is not printed. The authors' code puts the loss inside a
logarithm of a ratio, where a larger loss pulls less; this is the equation.
Cost: E times that of ActiveFT without frozen centroids (n·B·d multiply-adds a step), and the matching of the E members,
O(B³) at worst; memory of a block of similarities a core, B² + d² numbers, and 20 bytes a sample beside the features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.ordering import keyed_order, seed_for
from labelcycle.components.select.centroid_ensemble import debiased
from labelcycle.components.select.centroid_matching import match_samples, stands_for
from labelcycle.components.select.centroids import (
    Doubles,
    Integers,
    UnitVectors,
    assign_to_centroids,
    crowd_of,
    descend,
    drawn_rows,
    pull_of_samples,
    ready_for_steps,
    start_rows,
)
from labelcycle.components.select.embedding_augmentation import TextMap, attention, fit_text_map, towards_texts
from labelcycle.components.select.parameters import require_above, require_at_least
from labelcycle.components.select.points import Floats, Rows, Vectors, unit_length
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

STEPS = 300
"""Most steps where each uses the whole pool, as ActiveFT has it."""

SAMPLED_STEPS = 100
"""Steps where each uses a sample of a larger pool, as ActiveFT has it."""

TOLERANCE = 1e-5
"""Steps end when the objective falls by less over ten of them; the paper says only "until convergence"."""


@dataclass(frozen=True)
class DataSelection:
    """The objective -Σ pᵢ⟨eᵢ, θ^{cᵢ}⟩ + λ·Σ_k log Σ_{j≠k} exp⟨θ_k, θ_j⟩.

    Attributes:
        vectors: the N embeddings e, of length 1.
        weights: p, (N,), adding up to 1.
        balance: λ.
    """

    vectors: UnitVectors
    weights: Doubles
    balance: float

    def value_and_gradient(self, centroids: Floats, rows: Integers | None) -> tuple[float, Doubles]:
        """The objective, with its first sum estimated from some samples, and its gradient.

        Args:
            centroids: θ, float32 (B, d), of length 1.
            rows: the samples, (n,); None for all.

        Returns:
            The value, and the gradient with respect to the centroids as they are given, float64 (B, d).
        """
        scale = 1.0 if rows is None else len(self.vectors) / len(rows)

        def weigh(rows: Integers, numbers: Integers, cosines: Floats) -> tuple[Doubles, Doubles]:
            weights = scale * self.weights[rows]
            return -weights * cosines, weights

        pull = pull_of_samples(self.vectors, rows, centroids, weigh)
        if len(centroids) == 1:
            return pull.value, -pull.sums
        crowd = crowd_of(centroids, centroids[:0], np.zeros(0), temperature=1, itself=False)
        value = pull.value + self.balance * float(crowd.logarithms.sum())
        return value, self.balance * crowd.gradient(np.ones(len(centroids))) - pull.sums


@dataclass(frozen=True)
class Captioned:
    """Embeddings that were moved towards those of their captions, at length 1, augmented when they are read.

    Attributes:
        features: (N, d).
        texts: (N, t).
        shares: how far each has moved, (N,).
        text_map: from text to image embeddings.
    """

    features: npt.NDArray[np.floating]
    texts: npt.NDArray[np.floating]
    shares: Doubles
    text_map: TextMap | None

    def __len__(self) -> int:
        return len(self.features)

    @property
    def width(self) -> int:
        """The number of coordinates, d."""
        return int(self.features.shape[1])

    def read(self, rows: Rows) -> Floats:
        """The vectors of these rows, float32 (b, d)."""
        return unit_length(towards_texts(self.features[rows], self.texts[rows], self.shares[rows], self.text_map))


@strategy(needs={"features", "losses"}, uses={"texts"})
def vecaf_ods(
    pool: Candidates,
    budget: int,
    seed: int,
    members: int = 5,
    debias: bool = True,
    balance: float = 1.0,
    iterations: int | None = None,
    learning_rate: float = 1e-3,
    shrinkage: float = 1e-3,
    text_step: float = 0.5,
    sample: int = 100_000,
) -> Picks:
    """The samples nearest to `budget` centroids that were pulled by the losses, those of most loss first.

    Args:
        pool: `features` (N, d) and `losses` (N,); `texts` (N, t), where given, augment the features first.
        budget: number of centroids and picks, 1 ≤ budget ≤ N.
        seed: decides where centroids start and which samples a step uses.
        members: E, sets of centroids that start apart.
        debias: correct the first set by mean and covariance of all; otherwise it is the only one.
        balance: λ, the weight of the centroids' distance from each other beside losses whose mean is 1.
        iterations: most steps of Adam; by default 300, or 100 where the pool is larger than `sample`.
        learning_rate: of Adam.
        shrinkage: of the covariance, as a share of its mean eigenvalue.
        text_step: η·N of the augmentation; 0 leaves texts out.
        sample: samples a step, drawn anew each time where the pool is larger.

    Raises:
        ConfigurationError: a number out of its range.

    The score is the share of the pool's loss in samples that a pick's centroid is nearest to.
    """
    assert pool.features is not None and pool.losses is not None
    sampled = len(pool) > sample
    steps = iterations if iterations is not None else SAMPLED_STEPS if sampled else STEPS
    require_at_least("members", members, 1)
    require_at_least("balance", balance, 0)
    require_at_least("iterations", steps, 0)
    require_above("learning_rate", learning_rate, 0)
    require_above("shrinkage", shrinkage, 0)
    require_at_least("text_step", text_step, 0)
    require_at_least("sample", sample, 1)
    vectors = ready_for_steps(embeddings_of(pool.features, pool.texts, text_step), sample)
    weights = shares_of(pool.losses)
    objective = DataSelection(vectors, weights, balance / len(pool))

    def member(number: int) -> Floats:
        key = (seed, pool.cycle, "vecaf_ods", number)
        generator = np.random.default_rng(seed_for(*key))
        start = vectors.read(start_rows(pool.ids, budget, *key))
        return descend(
            start, _drawing(objective, sample, generator), steps, learning_rate, None if sampled else TOLERANCE
        )

    if debias and members > 1:
        centroids = debiased([member(number) for number in range(members)], shrinkage)
    else:
        centroids = member(0)
    rows, cosines = match_samples(vectors, pool.ids, centroids)
    numbers = stands_for(assign_to_centroids(vectors, centroids), rows)
    sizes = np.bincount(numbers, minlength=budget)
    masses = np.bincount(numbers, weights, budget).astype(np.float64)
    order = np.lexsort((keyed_order(pool.ids[rows], "ties"), -masses))
    reasons = [
        f"stands for {sizes[number]} samples with {masses[number]:.2%} of the loss, "
        f"cosine {cosines[number]:.3f} to their centroid"
        for number in order
    ]
    return Picks(rows[order], masses[order], reasons, np.arange(budget), sizes[order])


def embeddings_of(
    features: npt.NDArray[np.floating], texts: npt.NDArray[np.floating] | None, text_step: float
) -> UnitVectors:
    """The pool's embeddings, moved towards those of their captions where there are any."""
    if texts is None or not text_step or not texts.shape[1]:
        return Vectors(features, unit_length)
    text_map = None if texts.shape[1] == features.shape[1] else fit_text_map(texts, features)
    shares = text_step * len(features) * attention(features, texts, text_map)
    return Captioned(features, texts, shares, text_map)


def shares_of(losses: npt.NDArray[np.floating]) -> Doubles:
    """Equation 3: losses as shares of their sum, (N,); equal shares where all are 0."""
    exact = losses.astype(np.float64)
    largest = exact.max(initial=0)
    if not largest > 0:
        return np.full(len(exact), 1 / max(len(exact), 1))
    exact /= largest
    result: Doubles = exact / exact.sum()
    return result


def _drawing(
    objective: DataSelection, sample: int, generator: np.random.Generator
) -> Callable[[Floats], tuple[float, Doubles]]:
    size = len(objective.vectors)
    return lambda unit: objective.value_and_gradient(unit, drawn_rows(size, sample, generator))
