"""ActiveFT: centroids that are close to the pool and far from each other, and a sample for each.

Source: Xie et al., CVPR 2023, in the contrastive form of the authors' code. The gradient is of the whole objective,
where the code holds one end of each pair of centroids still. The modes are those that ASVP compares with: ActiveFT(pre)
in one shot, and ActiveFT(al), where labelled samples are centroids that do not move.
Cost: n·B·d multiply-adds a step for n samples a step, in matrix products, and (B + L)·B·d for the centroids; N·L·d once
in mode al; at the end 2·N·B·d. Memory of a block of similarities a core and 12 bytes a sample beside the features,
never N×B. A million float16 samples of width 384 on disk with B = 1000 took 100 CPU seconds and 1.3 GB.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.select.centroid_matching import match_samples, stands_for
from labelcycle.components.select.centroid_repulsion import descend, repulsion_of, repulsion_of_frozen
from labelcycle.components.select.centroids import (
    Doubles,
    Frozen,
    Integers,
    UnitVectors,
    assign_to_centroids,
    drawn_rows,
    frozen_centroids,
    pull_of_samples,
    ready_for_steps,
    start_rows,
)
from labelcycle.components.select.checks import require_above, require_at_least
from labelcycle.components.select.points import Floats, Vectors, unit_length
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks

STEPS = 300
"""Steps where each uses the whole pool, as the code for CIFAR has it."""

SAMPLED_STEPS = 100
"""Steps where each uses a sample of a larger pool, as the code for ImageNet has it."""


@dataclass(frozen=True)
class Cover:
    """The objective J = -mean_i log(e^{s_i} / (e^{s_i} + λ·Σ_k' e^{⟨c_k', c_k(i)⟩/τ})), s_i = max_k ⟨f_i, c_k⟩/τ.

    Attributes:
        vectors: the N samples f, of length 1.
        frozen: labelled samples as centroids that do not move.
        temperature: τ.
        balance: λ.
        among_frozen: (L,), how close the frozen centroids are to each other.
    """

    vectors: UnitVectors
    frozen: Frozen
    temperature: float
    balance: float
    among_frozen: Doubles

    def value_and_gradient(self, centroids: Floats, rows: Integers | None) -> tuple[float, Doubles]:
        """J over some samples, and its gradient.

        Args:
            centroids: the free ones, float32 (B, d), of length 1.
            rows: the samples, (n,); None for all.

        Returns:
            The value, and the gradient with respect to the centroids as they are given, float64 (B, d).
        """
        repulsion = repulsion_of(centroids, self.frozen.centroids, self.among_frozen, self.temperature, itself=True)
        repelled = np.log(self.balance) + repulsion.logarithms

        def weigh(rows: Integers, numbers: Integers, cosines: Floats) -> tuple[Doubles, Doubles]:
            excess = repelled[numbers] - cosines.astype(np.float64) / self.temperature
            losses = np.logaddexp(0, excess)
            return losses, np.exp(excess - losses)

        pull = pull_of_samples(self.vectors, rows, centroids, weigh, self.frozen)
        count = len(self.vectors) if rows is None else len(rows)
        gradient = repulsion.gradient(pull.weights) - pull.sums / self.temperature
        return pull.value / count, gradient / count


@strategy(needs={"features"}, uses={"labelled_features"}, version=2)
def activeft(
    pool: Candidates,
    budget: int,
    seed: int,
    mode: Literal["pre", "al"] = "pre",
    iterations: int | None = None,
    temperature: float = 0.07,
    balance: float = 1.0,
    learning_rate: float = 1e-3,
    sample: int = 100_000,
) -> Picks:
    """The samples nearest to `budget` centroids that were moved to cover the pool, those of most samples first.

    Args:
        pool: `features` (N, d); `labelled_features` (L, d) in mode al.
        budget: number of centroids and picks, 1 ≤ budget ≤ N.
        seed: decides where centroids start and which samples a step uses.
        mode: `pre` looks at the pool alone; `al` takes labelled samples as centroids that do not move.
        iterations: steps of Adam; by default 300, or 100 where the pool is larger than `sample`.
        temperature: τ.
        balance: λ, the weight of the centroids' distance from each other.
        learning_rate: of Adam.
        sample: samples a step, drawn again each time where the pool is larger.

    Raises:
        ConfigurationError: another mode, or a number out of its range.

    The score is the number of samples of the pool that a pick's centroid is nearest to.
    """
    assert pool.features is not None
    if mode not in ("pre", "al"):
        raise ConfigurationError(f"mode must be 'pre' or 'al'; got {mode!r}.")
    steps = iterations if iterations is not None else STEPS if len(pool) <= sample else SAMPLED_STEPS
    require_at_least("iterations", steps, 0)
    require_above("temperature", temperature, 0)
    require_above("balance", balance, 0)
    require_above("learning_rate", learning_rate, 0)
    require_at_least("sample", sample, 1)
    vectors = ready_for_steps(Vectors(pool.features, unit_length), sample)
    labelled = pool.labelled_features if mode == "al" else None
    still = Vectors(pool.features[:0] if labelled is None else labelled, unit_length).read(slice(None))
    frozen = frozen_centroids(vectors, still)
    objective = Cover(vectors, frozen, temperature, balance, repulsion_of_frozen(still, temperature))
    generator = np.random.default_rng(seed_for(seed, pool.cycle, "activeft"))
    centroids = descend(
        vectors.read(start_rows(pool.ids, budget, seed, pool.cycle, "activeft")),
        lambda unit: objective.value_and_gradient(unit, drawn_rows(len(pool), sample, generator)),
        steps,
        learning_rate,
    )
    rows, cosines = match_samples(vectors, pool.ids, centroids)
    numbers = stands_for(assign_to_centroids(vectors, centroids), rows, frozen)
    sizes = np.bincount(numbers[numbers >= 0], minlength=budget)
    order = np.lexsort((keyed_order(pool.ids[rows], "ties"), -sizes))
    rows, cosines, sizes = rows[order], cosines[order], sizes[order]
    reasons = [
        f"stands for {size} samples, cosine {cosine:.3f} to their centroid"
        for size, cosine in zip(sizes, cosines, strict=True)
    ]
    return Picks(rows, sizes.astype(np.float64), reasons, np.arange(budget), sizes)
