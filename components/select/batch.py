"""The one entrance to all strategies: checks what goes in, and that what comes out keeps the promises.

Checks of a strategy's arguments before anything is paid for: their names and their types.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, get_type_hints

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.blocks import for_each_block, one_thread_products
from labelcycle.components.core.features.matmul import PROCESSOR, matmul_on
from labelcycle.components.select.checks import check_candidates
from labelcycle.components.select.constraints import UNCONSTRAINED, Constraints, choose_within
from labelcycle.components.select.rare_classes import NEEDS, USES
from labelcycle.components.select.registry import STRATEGIES, registered, strategies_with
from labelcycle.components.select.strategy import Candidates, Picks, sorted_by_id


@dataclass(frozen=True)
class Selection:
    """The picks, best first.

    Attributes:
        ids: exactly min(budget, available) distinct sample ids, in rank order.
        scores: what the strategy ranked by, (picks,).
        reasons: why each was picked.
        clusters: number of the cluster that a pick stands for, -1 for none, (picks,).
        represents: how many candidates a pick stands for, itself among them, 0 where nothing was clustered, (picks,).
        explored: whether the pick was drawn at random for unbiased estimates, (picks,).
    """

    ids: npt.NDArray[np.str_]
    scores: npt.NDArray[np.float64]
    reasons: list[str]
    clusters: npt.NDArray[np.int64]
    represents: npt.NDArray[np.int64]
    explored: npt.NDArray[np.bool_]


def select_batch(
    strategy: str,
    pool: Candidates,
    budget: int,
    seed: int,
    *,
    constraints: Constraints = UNCONSTRAINED,
    device: str = PROCESSOR,
    **parameters: Any,
) -> Selection:
    """Choose the next samples to label.

    The result depends on the ids and what belongs to them, not on the order of rows or the number of threads.

    Args:
        strategy: a name in STRATEGIES.
        pool: the unlabelled samples. Where `probs` are needed and missing, they are computed from head and features.
        budget: how many to choose; all are chosen where fewer are available.
        seed: decides random choices.
        constraints: what holds for every strategy: samples to leave out or to include, shares, quotas.
        device: where large matrix products are computed: `numpy`, or a device of torch such as `cuda`. Another device
            gives the same picks but where scores differ by less than float32 can resolve.
        parameters: the strategy's own.

    Raises:
        ConfigurationError: unknown strategy or parameter, missing needs, budget below 1, a device that is not there.
        InputError: duplicate ids, arrays of the wrong shape, NaN or infinite values, probs that are not probabilities.
    """
    check_parameters(strategy, parameters.keys())
    chosen = STRATEGIES[strategy]
    if budget < 1:
        raise ConfigurationError(f"A query needs a budget of at least 1; got {budget}.")
    needs, reads = chosen.needs_with(parameters), chosen.reads_with(parameters)
    if constraints.rare_classes:
        needs, reads = needs | NEEDS, reads | NEEDS | USES
    check_candidates(pool, reads if constraints.near_duplicates is None else reads | {"features"})
    if "probs" in needs and pool.probs is None:
        pool = _with_probs(pool)
    missing = sorted(need for need in needs if getattr(pool, need) is None)
    if missing:
        switched_on = [name for name in chosen.options if parameters.get(name)]
        name = " with ".join([repr(strategy), *switched_on])
        raise ConfigurationError(f"Strategy {name} needs {', '.join(missing)}, which the candidates lack.")
    ordered = sorted_by_id(pool)

    def ask(candidates: Candidates, size: int) -> Picks:
        return chosen.choose(candidates, size, seed, **parameters)

    with one_thread_products(), matmul_on(device):
        picks, explored = choose_within(constraints, ordered, budget, seed, ask)
    return Selection(
        ids=ordered.ids[picks.rows],
        scores=picks.scores,
        reasons=picks.reasons,
        clusters=np.full(len(picks.rows), -1) if picks.clusters is None else picks.clusters,
        represents=np.zeros(len(picks.rows), np.int64) if picks.represents is None else picks.represents,
        explored=explored,
    )


def check_parameters(strategy: str, given: AbstractSet[str]) -> None:
    """Check that there is such a strategy and that it has these parameters.

    Raises:
        ConfigurationError: unknown strategy or parameter.
    """
    known = registered(strategy).parameters
    unknown = sorted(given - known)
    if unknown:
        choice = f"It has: {', '.join(sorted(known))}." if known else "It has none."
        others = ", ".join(strategies_with(unknown))
        if others:
            choice += f" Strategies that have {' and '.join(unknown)}: {others}."
        raise ConfigurationError(f"Strategy {strategy!r} has no parameter {', '.join(unknown)}. {choice}")


def _with_probs(pool: Candidates) -> Candidates:
    """The candidates with probabilities from their head and features, where they have both."""
    head, features = pool.head, pool.features
    if head is None or features is None or not len(pool):
        return pool
    probs = np.empty((len(pool), len(head.bias)), np.float32)

    def fill(rows: slice) -> None:
        probs[rows] = head.probabilities(features[rows])

    for_each_block(len(pool), fill)
    return replace(pool, probs=probs)


def check_arguments(strategy: str, arguments: Mapping[str, object]) -> None:
    """Check that there is such a strategy, that it has these parameters, and that each value is of its type.

    What a value must be is what the strategy's function says in its annotations: `passes: int`,
    `place: Literal["features", "normalised"]`. An integer is taken for a float; nothing else is converted.

    Raises:
        ConfigurationError: unknown strategy or parameter, or a value of another type.
    """
    check_parameters(strategy, arguments.keys())
    try:
        types = get_type_hints(STRATEGIES[strategy].choose)
    except NameError:  # a strategy of another package, whose annotations name what only its type checker imports
        return
    for name, value in arguments.items():
        if name not in types:
            continue
        try:
            TypeAdapter(types[name]).validate_python(value, strict=True)
        except ValidationError as error:
            problem = error.errors()[0]["msg"].replace("Input should be", "should be")
            raise ConfigurationError(
                f"Parameter {name!r} of strategy {strategy!r} {problem}; got {value!r}."
            ) from error
