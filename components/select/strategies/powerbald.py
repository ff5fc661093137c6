"""PowerBALD: BALD with noise, so that a batch is not many times the same question.

The B best of log s + Gumbel noise are a sample without replacement in proportion to s^β.

Source: Kirsch et al., Stochastic Batch Acquisition, TMLR 2023 (power acquisition, coldness β = 1); DropQuery's study,
    Gupte et al., 2024, has it with the mutual information of `bald`.
Cost: that of `bald`, and a few nanoseconds for each character of an id.
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.dropout import Place
from labelcycle.components.core.ordering import keyed_order
from labelcycle.components.select.parameters import require_above
from labelcycle.components.select.ranking import best_first
from labelcycle.components.select.registry import strategy
from labelcycle.components.select.strategies.bald import information_of
from labelcycle.components.select.strategy import Candidates, Picks

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
    place: Place = "features",
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
