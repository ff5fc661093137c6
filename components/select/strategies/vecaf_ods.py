"""VeCAF's objective-aware data selection: centroids near the samples of large loss, far from each other.

Source: VeCAF, section 3.1, equation 7 and the ensemble below it: minimise -Σ pᵢ⟨eᵢ, θ^{cᵢ}⟩ + λ·Σ_k log Σ_{j≠k}
exp⟨θ_k, θ_j⟩ with cosines and pᵢ = Lᵢ/ΣL. The equation is printed with losses Lᵢ in place of pᵢ; in the unit in which
their mean is 1, its λ is N times that beside pᵢ. λ itself is not printed, and
the paper has it in two places: in equation 2 beside a divergence whose only term in θ is that with pᵢ, and in equation
7 beside the losses as they are, so that the centroids' distance counts for more as losses fall. `balance_beside` takes
any of the three meanings. The authors' code puts the loss inside a logarithm of a ratio, where a larger loss pulls
less; this is the equation.
Cost: E·300 steps of n·B·d multiply-adds at most for n samples a step, in matrix products, and 3·B²·d for the centroids;
at the end 2·N·B·d, and the matching of the E members, O(B³) at worst. Memory of a block of similarities a core, B² + d²
numbers, and 28 bytes a sample beside the features.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.embedding_augmentation import TextMap, attention, fit_text_map, towards_texts
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.select.centroid_matching import debiased, match_samples, stands_for
from labelcycle.components.select.centroid_repulsion import descend, repulsion_of
from labelcycle.components.select.centroids import (
    Doubles,
    Integers,
    UnitVectors,
    assign_to_centroids,
    drawn_by_weight,
    pull_of_samples,
    ready_for_steps,
    start_rows,
)
from labelcycle.components.select.checks import require_above, require_at_least
from labelcycle.components.select.points import Floats, Rows, Vectors, unit_length
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

BalanceBeside = Literal["mean", "losses", "shares"]

STEPS = 300
"""Most steps, as ActiveFT has it; the paper says only "until convergence"."""

DRAWS_PER_CENTROID = 32
"""Samples are drawn again for each step, so many a centroid, in proportion to their losses.

Of 20,000 samples with 200 centroids a step then uses 2,900, and all takes 15 CPU seconds rather than 53. Over the whole
pool the objective falls from -0.430 to -0.644 rather than -0.646; that of the picks is -0.552 rather than -0.556, where
it differs by 0.002 between seeds. With 16 draws a centroid it takes 12 seconds and ends at -0.643 and -0.551.
"""

TOLERANCE = 1e-5
"""Steps end when the mean of the objective, which is about a cosine, over 25 of them falls by less."""


@dataclass(frozen=True)
class VecafSelection:
    """The objective -Σ pᵢ⟨eᵢ, θ^{cᵢ}⟩ + λ·Σ_k log Σ_{j≠k} exp⟨θ_k, θ_j⟩.

    Attributes:
        vectors: embeddings e, of length 1.
        weights: their p, adding up to 1.
        balance: λ.
    """

    vectors: UnitVectors
    weights: Doubles
    balance: float

    def value_and_gradient(self, centroids: Floats) -> tuple[float, Doubles]:
        """The objective and its gradient.

        Args:
            centroids: θ, float32 (B, d), of length 1.

        Returns:
            The value, and the gradient with respect to the centroids as they are given, float64 (B, d).
        """

        def weigh(rows: Integers, numbers: Integers, cosines: Floats) -> tuple[Doubles, Doubles]:
            weights = self.weights[rows]
            return -weights * cosines, weights

        pull = pull_of_samples(self.vectors, None, centroids, weigh)
        if len(centroids) == 1:
            return pull.value, -pull.sums
        repulsion = repulsion_of(centroids, centroids[:0], np.zeros(0), temperature=1, itself=False)
        value = pull.value + self.balance * float(repulsion.logarithms.sum())
        return value, self.balance * repulsion.gradient(np.ones(len(centroids))) - pull.sums


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


@strategy(needs={"features", "losses"}, uses={"texts"}, version=2)
def vecaf_ods(
    pool: Candidates,
    budget: int,
    seed: int,
    members: int = 5,
    debias: bool = True,
    balance: float = 1.0,
    iterations: int = STEPS,
    learning_rate: float = 1e-3,
    shrinkage: float = 1e-3,
    text_step: float = 0.5,
    sample: int | None = None,
    loss_power: float = 1.0,
    balance_beside: BalanceBeside = "mean",
) -> Picks:
    """The samples nearest to `budget` centroids that were pulled by the losses, those of most loss first.

    Args:
        pool: `features` (N, d) and `losses` (N,); `texts` (N, t), where given, augment the features first.
        budget: number of centroids and picks, 1 ≤ budget ≤ N.
        seed: decides where centroids start and which samples a step uses.
        members: E, sets of centroids that start apart; each step draws samples for all of them.
        debias: correct the first set by mean and covariance of all; otherwise it is the only one.
        balance: λ, the weight of the centroids' distance from each other.
        iterations: most steps of Adam.
        learning_rate: of Adam.
        shrinkage: of the covariance, as a share of its mean eigenvalue.
        text_step: η·N of the augmentation; 0 leaves texts out.
        sample: samples drawn for a step, in proportion to their losses, where the pool is larger; by default 32·budget.
        loss_power: p is in proportion to this power of the losses: 1 is the paper's, 0 leaves losses out, which is the
            paper's row without ODS in table 6.
        balance_beside: what λ stands beside: losses whose `mean` is 1, the `losses` as they are (equation 7), or
            `shares` that add up to 1 (equation 2). The first two are the same where the mean loss is 1; λ of the third
            is N times as strong.

    Raises:
        ConfigurationError: a number out of its range.

    The score is the share of the pool's loss in samples that a pick's centroid is nearest to.
    """
    assert pool.features is not None and pool.losses is not None
    sample = DRAWS_PER_CENTROID * budget if sample is None else sample
    require_at_least("members", members, 1)
    require_at_least("balance", balance, 0)
    require_at_least("iterations", iterations, 0)
    require_above("learning_rate", learning_rate, 0)
    require_above("shrinkage", shrinkage, 0)
    require_at_least("text_step", text_step, 0)
    require_at_least("sample", sample, 1)
    require_at_least("loss_power", loss_power, 0)
    vectors = ready_for_steps(embeddings_of(pool.features, pool.texts, text_step), sample)
    weights = shares_of(pool.losses, loss_power)
    objective = VecafSelection(vectors, weights, balance / _total(pool.losses, balance_beside))
    keys = [(seed, pool.cycle, "vecaf_ods", number) for number in range(members if debias else 1)]
    starts = [vectors.read(start_rows(pool.ids, budget, *key)) for key in keys]
    cumulated, generator = np.cumsum(weights), np.random.default_rng(seed_for(*keys[0]))

    def mean_of_members(centroids: Floats) -> tuple[float, Doubles]:
        step = objective
        if len(pool) > sample:
            drawn, shares = drawn_by_weight(cumulated, sample, generator)
            step = replace(objective, vectors=Vectors(vectors.read(drawn)), weights=shares)
        found = [step.value_and_gradient(member) for member in np.split(centroids, len(keys))]
        return float(np.mean([value for value, _ in found])), np.concatenate([gradient for _, gradient in found])

    ends = descend(np.concatenate(starts), mean_of_members, iterations, learning_rate, TOLERANCE)
    centroids = debiased(np.split(ends, len(keys)), shrinkage) if len(keys) > 1 else ends
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


def _total(losses: npt.NDArray[np.floating], beside: BalanceBeside) -> float:
    """What λ is divided by where the losses are divided by their sum; losses that are all 0 count as 1."""
    if beside == "shares":
        return 1.0
    total = float(losses.sum(dtype=np.float64)) if beside == "losses" else 0.0
    return total if total > 0 else float(len(losses))


def shares_of(losses: npt.NDArray[np.floating], power: float = 1.0) -> Doubles:
    """Equation 3: losses, to some power, as shares of their sum, (N,); equal shares where all are 0."""
    exact = losses.astype(np.float64)
    largest = exact.max(initial=0)
    if not largest > 0 or power == 0:
        return np.full(len(exact), 1 / max(len(exact), 1))
    exact /= largest
    if power != 1:
        exact **= power
    result: Doubles = exact / exact.sum()
    return result
