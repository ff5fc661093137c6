"""BALD: ask where predictions under dropout are each decided, but for different classes.

Source: Houlsby et al., 2011; with dropout, Gal, Islam and Ghahramani, ICML 2017; 20 passes, DropQuery, ablations.
Cost: O(M·N·d·C) time for the passes, unless the score stage has made them; O(N) memory beside the features.

PowerBALD: BALD with noise, so that a batch is not many times the same question.

The B best of log s + Gumbel noise are a sample without replacement in proportion to s^β.

Source: Kirsch et al., Stochastic Batch Acquisition, TMLR 2023 (power acquisition, coldness β = 1); DropQuery's study,
    Gupte et al., 2024, has it with the mutual information of `bald`.
Cost: that of `bald`, and a few nanoseconds for each character of an id.
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.config.query_choice import DropoutSite
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.models.dropout import mutual_information
from labelcycle.components.select.checks import require_above
from labelcycle.components.select.ranking import best_first, most_uncertain
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategy import Candidates, Picks


@strategy(
    uses={"mutual_information", "head", "features"},
    options={"class_balanced": {"probs"}, "cluster_features": {"features"}},
    version=2,
)
def bald(
    pool: Candidates,
    budget: int,
    seed: int,
    class_balanced: bool = False,
    cluster_features: bool = False,
    passes: int = 20,
    rate: float = 0.5,
    place: DropoutSite = "features",
) -> Picks:
    """The samples of largest mutual information (nats) between the prediction and the dropout mask.

    Args:
        pool: `mutual_information` (N,), or `head` and `features` (N, d) to compute it from; `probs` (N, C) where
            classes are balanced.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides the dropout masks and the clusters; ties break by id.
        class_balanced: take an equal number from each predicted class.
        cluster_features: cluster the most uncertain, and take one of each cluster.
        passes: passes with dropout; unused where mutual information is given.
        rate: share of the features that is dropped; likewise.
        place: where dropout acts; likewise.
    """
    scores = information_of(pool, seed, passes, rate, place, "bald")
    return most_uncertain(pool, scores, budget, seed, "mutual information", class_balanced, cluster_features)


def information_of(
    pool: Candidates, seed: int, passes: int, rate: float, place: DropoutSite, asking: str
) -> npt.NDArray[np.floating]:
    """Mutual information of each candidate, (N,): what the score stage found, or from passes with dropout.

    Raises:
        ConfigurationError: it is not known, and neither are head and features; `asking` is the strategy to name.
    """
    if pool.mutual_information is not None:
        return pool.mutual_information
    if pool.head is None or pool.features is None:
        raise ConfigurationError(
            f"Strategy {asking!r} needs mutual_information, or head and features, which the candidates lack."
        )
    return mutual_information(pool.head, pool.features, pool.ids, seed, pool.cycle, passes, rate, place)


SMALLEST = float(np.finfo(np.float32).tiny)
"""A sample without any information counts as one of so little, so that it comes after all others."""


@strategy(uses={"mutual_information", "head", "features"})
def powerbald(
    pool: Candidates,
    budget: int,
    seed: int,
    coldness: float = 1.0,
    passes: int = 20,
    rate: float = 0.5,
    place: DropoutSite = "features",
) -> Picks:
    """A random sample without replacement, in proportion to a power of the mutual information.

    Args:
        pool: `mutual_information` (N,), or `head` and `features` (N, d) to compute it from.
        budget: number of picks, 1 ≤ budget ≤ N.
        seed: decides, with cycle and ids, the noise and the dropout masks.
        coldness: β, above 0; the larger, the nearer to `bald`, the smaller, the nearer to `random`.
        passes: passes with dropout; unused where mutual information is given.
        rate: share of the features that is dropped; likewise.
        place: where dropout acts; likewise.

    Raises:
        ConfigurationError: a coldness that is not above 0, or neither mutual information nor what it is computed from.

    The score is log s + noise / β, by which picks are ranked.
    """
    require_above("coldness", coldness, 0)
    information = information_of(pool, seed, passes, rate, place, "powerbald").astype(np.float64)
    scores = np.log(np.maximum(information, SMALLEST)) + gumbel(pool.ids, seed, pool.cycle, "powerbald") / coldness
    rows = best_first(scores, pool.ids, budget)
    reasons = [f"mutual information {value:.3f}; drawn in proportion to it" for value in information[rows].tolist()]
    return Picks(rows, scores[rows], reasons)


def gumbel(ids: npt.NDArray[np.str_], *key: object) -> npt.NDArray[np.float64]:
    """A number from the standard Gumbel distribution for each id under a key, (N,), finite."""
    uniform = ((keyed_order(ids, *key) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return np.asarray(-np.log(-np.log(uniform)))
