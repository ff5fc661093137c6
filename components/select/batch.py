"""The one entrance to all strategies: checks what goes in, and that what comes out keeps the promises."""

import inspect
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.select.strategy import STRATEGIES, Candidates

ROUNDING = 0.01
"""How far the sum of a row of probabilities may be from 1, as float16 rows of a thousand classes are."""


@dataclass(frozen=True)
class Selection:
    """The picks, best first.

    Attributes:
        ids: exactly min(budget, available) distinct sample ids, in rank order.
        scores: what the strategy ranked by, (picks,).
        reasons: why each was picked.
    """

    ids: npt.NDArray[np.str_]
    scores: npt.NDArray[np.float64]
    reasons: list[str]


def select_batch(strategy: str, pool: Candidates, budget: int, seed: int, **parameters: Any) -> Selection:
    """Choose the next samples to label.

    The result depends on the ids and what belongs to them, not on the order of rows.

    Args:
        strategy: a name in STRATEGIES.
        pool: the unlabelled samples.
        budget: how many to choose; all are chosen where fewer are available.
        seed: decides random choices.
        parameters: the strategy's own.

    Raises:
        ConfigurationError: unknown strategy or parameter, missing needs, budget below 1.
        InputError: duplicate ids, arrays of the wrong shape, NaN or infinite values, probs that are not probabilities.
    """
    check_parameters(strategy, parameters.keys())
    chosen = STRATEGIES[strategy]
    if budget < 1:
        raise ConfigurationError(f"A query needs a budget of at least 1; got {budget}.")
    missing = sorted(need for need in chosen.needs if getattr(pool, need) is None)
    if missing:
        raise ConfigurationError(f"Strategy {strategy!r} needs {', '.join(missing)}, which the candidates lack.")
    _check(pool)
    if not len(pool):
        return Selection(pool.ids, np.empty(0), [])
    ordered = _sorted_by_id(pool)
    picks = chosen.choose(ordered, min(budget, len(pool)), seed, **parameters)
    return Selection(ordered.ids[picks.rows], picks.scores, picks.reasons)


def check_parameters(strategy: str, given: AbstractSet[str]) -> None:
    """Check that there is such a strategy and that it has these parameters.

    Raises:
        ConfigurationError: unknown strategy or parameter.
    """
    if strategy not in STRATEGIES:
        raise ConfigurationError(f"There is no strategy {strategy!r}. Choose one of: {', '.join(sorted(STRATEGIES))}.")
    known = set(inspect.signature(STRATEGIES[strategy].choose).parameters) - {"pool", "budget", "seed"}
    unknown = sorted(given - known)
    if unknown:
        choice = f"It has: {', '.join(sorted(known))}." if known else "It has none."
        raise ConfigurationError(f"Strategy {strategy!r} has no parameter {', '.join(unknown)}. {choice}")


def _check(pool: Candidates) -> None:
    unique, counts = np.unique(pool.ids, return_counts=True)
    if len(unique) < len(pool.ids):
        raise InputError(f"The candidates hold id {str(unique[counts > 1][0])!r} more than once. Ids must be unique.")
    for name in ("features", "probs"):
        values = getattr(pool, name)
        if values is None:
            continue
        if len(values) != len(pool):
            raise InputError(f"The candidates have {len(pool)} ids but {len(values)} rows of {name}.")
        if values.ndim != 2:
            raise InputError(f"The candidates' {name} have {values.ndim} dimensions; they must have rows and columns.")
        bad = ~np.isfinite(values).all(axis=1)
        if bad.any():
            raise InputError(
                f"{int(bad.sum())} candidates have NaN or infinite {name}, first {str(pool.ids[bad][0])!r}. "
                "Mend or remove them."
            )
    if pool.probs is not None:
        bad = (pool.probs < 0).any(axis=1) | (np.abs(pool.probs.sum(axis=1, dtype=np.float64) - 1) > ROUNDING)
        if bad.any():
            raise InputError(
                f"{int(bad.sum())} candidates have probs that are negative or do not sum to 1, first "
                f"{str(pool.ids[bad][0])!r}. Give probabilities, not logits."
            )


def _sorted_by_id(pool: Candidates) -> Candidates:
    order = np.argsort(pool.ids, kind="stable")
    arrays = {name: getattr(pool, name)[order] for name in ("features", "probs") if getattr(pool, name) is not None}
    return replace(pool, ids=pool.ids[order], **arrays)
