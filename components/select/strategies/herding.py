"""MaxHerding and UHerding: the samples that best stand for what no labelled sample stands for yet.

A labelled sample stands for a sample to the degree k(x, y) = exp(-‖x - y‖² / 2σ²). Distances are those of standardised
features at length 1: each coordinate gets mean 0 and deviation 1 over candidates and labelled samples together, so that
no coordinate decides by its scale, whatever the head does to features.

Source: MaxHerding: Bae, Noh and Sutherland, Generalized Coverage for More Robust Low-Budget Active Learning, ECCV 2024;
    UHerding: Bae, Oliveira and Sutherland, Uncertainty Herding, 2024, whose σ is the minimum where ours is the median.
Cost: two passes over the features; then O((M + L)·T·d) multiply-adds for M candidates and T targets, and O(T) for each
    gain that is recomputed. Memory of at most 4 million kernel values and one block of targets a core, never N².
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.ordering import keyed_order, sampled
from labelcycle.components.core.models.uncertainty import margin
from labelcycle.components.select.checks import require_above, require_at_least
from labelcycle.components.select.kernel_coverage import GaussianKernel, bandwidth_of, cover
from labelcycle.components.select.points import Listed
from labelcycle.components.select.ranking import balance_classes, best_first, score_by_block
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.standardised import standardised
from labelcycle.components.select.strategy import Candidates, Picks

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

A_PICK = 2
"""There are at least so many candidates and targets a pick."""

FEWEST = 20
"""Without labels, σ is that of a sample of as many as there will be, but at least so many."""


@strategy(needs={"features"}, uses={"labelled_features"}, version=3)
def maxherding(
    pool: Candidates,
    budget: int,
    seed: int,
    bandwidth: float | None = None,
    targets: int = 4000,
    candidates: int = 1000,
) -> Picks:
    """Greedy maximum of generalised coverage: each pick adds the most to Σᵢ maxₗ k(xᵢ, xₗ) over labelled and picked l.

    Args:
        pool: `features` (N, d); `labelled_features` (L, d) where there are labels.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides, with the ids, which samples are targets and candidates in a larger pool.
        bandwidth: σ, above 0; None for the median distance of a labelled sample to the nearest other one, and with less
            than two labels for that of a sample of the pool.
        targets: coverage is summed over a random sample of so many, at least two a pick.
        candidates: picks come from another random sample of so many, at least two a pick.

    Raises:
        ConfigurationError: a bandwidth that is not above 0, no targets, no candidates.

    The score is the coverage added to a target, on average, between 0 and 1.
    """
    _check(bandwidth, targets, candidates)
    among = sampled(pool.ids, max(candidates, A_PICK * budget), seed, pool.cycle, "herding candidates")
    rows, gains, _ = _herd(pool, among, None, None, budget, seed, bandwidth, targets)
    reasons = [_stands_for(gain, "the pool") for gain in gains.tolist()]
    return Picks(rows, gains, reasons)


@strategy(needs={"features", "probs"}, uses={"labelled_features"}, of_last_layer=False, version=3)
def uherding(
    pool: Candidates,
    budget: int,
    seed: int,
    bandwidth: float | None = None,
    targets: int = 4000,
    candidates: int = 1000,
    class_balanced: bool = False,
) -> Picks:
    """Like `maxherding`, but coverage counts as much as the model is uncertain: uᵢ = 1 - (p₁ - p₂), one less margin.

    Args:
        pool: `features` (N, d), `probs` (N, C); `labelled_features` (L, d) where there are labels.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides, with the ids, which samples are targets in a larger pool.
        bandwidth: as in `maxherding`.
        targets: as in `maxherding`.
        candidates: picks come from the so many most uncertain, at least two a pick.
        class_balanced: pick in rounds of at most one of each predicted class; the candidates are then the most
            uncertain of each.

    Raises:
        ConfigurationError: a bandwidth that is not above 0, no targets, no candidates.

    The score is the uncertainty-weighted coverage added to a target, on average, between 0 and 1.
    """
    return herd_uncertain(pool, np.arange(len(pool)), budget, seed, bandwidth, targets, candidates, class_balanced)


def herd_uncertain(
    pool: Candidates,
    listed: Rows,
    budget: int,
    seed: int,
    bandwidth: float | None = None,
    targets: int = 4000,
    candidates: int = 1000,
    class_balanced: bool = False,
) -> Picks:
    """As `uherding`, but only listed rows can be picked; what they are to stand for is the whole pool all the same.

    Args:
        pool: as in `uherding`.
        listed: rows of the pool, ascending, at least `budget`.
        budget: as in `uherding`, as are the others.
        seed: as there.
        bandwidth: as there.
        targets: as there.
        candidates: as there.
        class_balanced: as there.
    """
    _check(bandwidth, targets, candidates)
    assert pool.probs is not None
    uncertainty = np.maximum(0, 1 - score_by_block(pool.probs, margin))
    size, classes = max(candidates, A_PICK * budget), None
    among = listed[best_first(uncertainty[listed], pool.ids[listed], None if class_balanced else size)]
    if class_balanced:
        classes = pool.probs.argmax(axis=1)
        among = balance_classes(among, classes, pool.probs.shape[1], min(size, len(listed)))
    rows, gains, total = _herd(pool, np.sort(among), uncertainty, classes, budget, seed, bandwidth, targets)
    reasons = [
        f"margin {1 - uncertain:.3f}; {_stands_for(gain / total if gain > 0 else 0, 'what is uncertain')}"
        for gain, uncertain in zip(gains.tolist(), uncertainty[rows].tolist(), strict=True)
    ]
    return Picks(rows, gains, reasons)


def _stands_for(share: float, whole: str) -> str:
    return f"stands for {100 * share:.2g} % more of {whole}" if share > 0 else "all that it stands for is covered"


def _check(bandwidth: float | None, targets: int, candidates: int) -> None:
    if bandwidth is not None:
        require_above("bandwidth", bandwidth, 0)
    require_at_least("targets", targets, 1)
    require_at_least("candidates", candidates, 1)


def _herd(
    pool: Candidates,
    among: Rows,
    uncertainty: Floats | None,
    classes: Rows | None,
    budget: int,
    seed: int,
    bandwidth: float | None,
    targets: int,
) -> tuple[Rows, npt.NDArray[np.float64], float]:
    """Rows of the picks among these, the coverage that each adds to a target on average, and all that could be."""
    assert pool.features is not None
    points, labelled = standardised(pool.features, pool.labelled_features)
    goal = sampled(pool.ids, max(targets, A_PICK * budget), seed, pool.cycle, "herding targets")
    if bandwidth is None:
        size = max(FEWEST, budget + len(labelled))
        sample = sampled(pool.ids, min(size, len(goal)), seed, pool.cycle, "herding targets")
        bandwidth = bandwidth_of(labelled, Listed(points, sample))
    kernel = GaussianKernel(Listed(points, among), Listed(points, goal), bandwidth)
    covered = kernel.coverage_by(labelled)
    weights = np.ones(len(goal), np.float32) if uncertainty is None else uncertainty[goal]
    ties = keyed_order(pool.ids[among], "ties")
    picks, gains = cover(kernel, covered, weights, ties, budget, None if classes is None else classes[among])
    return among[picks], gains / len(goal), float(weights.mean(dtype=np.float64))
