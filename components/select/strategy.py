"""What a strategy is: candidates in, row indices out, with a declaration of what it needs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.head import LinearHead


@dataclass(frozen=True)
class Candidates:
    """The unlabelled pool, and what is known about it. Everything but `ids` is optional.

    Attributes:
        ids: N distinct sample ids.
        features: (N, d) float16 or float32.
        probs: (N, C), rows sum to 1.
        labelled_ids: L sample ids.
        labelled_features: (L, d).
        labelled_classes: (L,) class indices.
        head: the current classification head.
        cycle: the cycle that asks, which varies random strategies from cycle to cycle.
    """

    ids: npt.NDArray[np.str_]
    features: npt.NDArray[np.floating] | None = None
    probs: npt.NDArray[np.floating] | None = None
    labelled_ids: npt.NDArray[np.str_] | None = None
    labelled_features: npt.NDArray[np.floating] | None = None
    labelled_classes: npt.NDArray[np.integer] | None = None
    head: LinearHead | None = None
    cycle: int = 0

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Picks:
    """What a strategy returns: rows in rank order, and per pick a score and a reason."""

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    reasons: list[str]


StrategyFunction = Callable[..., Picks]
"""`(pool: Candidates, budget: int, seed: int, **parameters) -> Picks`: `budget` distinct rows of the pool, best first.

`budget` is between 1 and N; the pool is sorted by id; parameters are the strategy's own.
"""


@dataclass(frozen=True)
class Strategy:
    """A registered strategy."""

    name: str
    choose: StrategyFunction
    needs: frozenset[str]


STRATEGIES: dict[str, Strategy] = {}
"""All registered strategies, by name."""


def strategy(*, needs: set[str]) -> Callable[[StrategyFunction], StrategyFunction]:
    """Register a function as a strategy under its own name.

    Args:
        needs: the optional fields of `Candidates` that it reads.
    """

    def register(choose: StrategyFunction) -> StrategyFunction:
        name = choose.__name__
        STRATEGIES[name] = Strategy(name, choose, frozenset(needs))
        return choose

    return register
