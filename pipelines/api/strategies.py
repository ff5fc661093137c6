"""Every query strategy as a function: arrays in, ids out.

`strategies.margin(10, probs=probs, ids=ids)` returns ten ids, the most useful first. `dir(strategies)` lists the
functions, those that other installed packages announce among them, and `help(strategies.margin)` says what one needs.
Results do not depend on the order of rows.

>>> from labelcycle import strategies
>>> strategies.margin(2, probs=[[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]], ids=["a", "b", "c"])
['b', 'c']
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.models.heads import Head
from labelcycle.components.select import STRATEGIES, Candidates, Constraints, select_batch
from labelcycle.components.select.constraints import UNCONSTRAINED
from labelcycle.components.select.last_layer import with_head
from labelcycle.components.select.strategy import Strategy
from labelcycle.pipelines.api.array_input import array_of, numbers_of
from labelcycle.pipelines.api.python_arguments import list_of, shown, text, whole_number
from labelcycle.pipelines.api.sample_names import names_and_texts
from labelcycle.pipelines.api.strategy_parameters import checked_parameters

Choose = Callable[..., list[Any]]
"""`(n, ids=, seed=, …) -> ids`: see `select`."""

FIELDS = (
    "features",
    "probs",
    "labelled_ids",
    "labelled_features",
    "labelled_classes",
    "disagreements",
    "mutual_information",
    "losses",
    "texts",
    "groups",
)
"""What strategies read beside ids and head; see `Candidates`."""

OF_TEXTS = frozenset({"labelled_ids", "groups"})
OF_WHOLE_NUMBERS = frozenset({"labelled_classes", "disagreements"})


def select(
    strategy: str,
    n: int,
    *,
    ids: Sequence[Any] | None = None,
    seed: int = 0,
    cycle: int = 0,
    head: Head | None = None,
    constraints: Constraints = UNCONSTRAINED,
    **given: Any,
) -> list[Any]:
    """Choose the next samples to label.

    Args:
        strategy: a name of `dir(strategies)`.
        n: how many; all candidates where these are fewer.
        ids: N distinct texts or whole numbers of the candidates; None for the numbers of the rows.
        seed: decides random choices.
        cycle: varies random choices from one query to the next.
        head: the current model, such as `PrototypeClassifier.head`; features are those that it takes.
        constraints: what holds for every strategy.
        given: arrays of the candidates, (N, …): `features`, `probs`, …; those of labelled samples: `labelled_features`,
            `labelled_classes` (indices), `labelled_ids`; and parameters of the strategy.

    Returns:
        Ids, the most useful first.

    Raises:
        ConfigurationError: an unknown strategy or parameter, a parameter of another type, or something that the
            strategy needs is missing.
        InputError: arrays of the wrong shape, NaN, probabilities that are none, ids that are not distinct, no head.
    """
    said = {name: given.pop(name) for name in FIELDS if name in given}
    arrays: dict[str, Any] = {name: _array(name, values) for name, values in said.items() if values is not None}
    names, keys = names_and_texts(ids, 0 if ids is not None else _size(arrays))
    known = STRATEGIES.get(text("strategy", strategy, "margin"))
    if not isinstance(constraints, Constraints):
        raise ConfigurationError(
            f"constraints are of labelcycle.components.select.Constraints; got {shown(constraints)}. Give such."
        )
    pool = Candidates(ids=np.array(keys, np.str_), cycle=whole_number("cycle", cycle, 0), **arrays)
    if head is not None:
        if not hasattr(head, "last"):
            raise InputError(
                f"head is a model as PrototypeClassifier.head and ActiveLearner.head have it; got "
                f"{type(head).__name__}. Give its head."
            )
        pool = with_head(pool, head, known)
    parameters = given if known is None else checked_parameters(known, given)
    picks = select_batch(
        strategy, pool, whole_number("n", n, 1), whole_number("seed", seed, 0), constraints=constraints, **parameters
    )
    name_of = dict(zip(keys, names, strict=True))
    return [name_of[key] for key in picks.ids.tolist()]


def _array(name: str, values: Any) -> Any:
    if name in OF_TEXTS:
        return np.array([str(value) for value in list_of(name, values)], np.str_)
    return array_of(name, values) if name in OF_WHOLE_NUMBERS else numbers_of(name, values)


def _size(arrays: dict[str, Any]) -> int:
    of_candidates = [array for name, array in arrays.items() if not name.startswith("labelled") and array.ndim]
    if not of_candidates:
        raise InputError("Without ids there must be an array of the candidates, such as features or probs. Give one.")
    return len(of_candidates[0])


def _function(strategy: Strategy) -> Choose:
    """The function of a strategy, with a docstring that says what it needs."""

    def choose(n: int, **given: Any) -> list[Any]:
        return select(strategy.name, n, **given)

    choose.__name__ = choose.__qualname__ = strategy.name
    choose.__module__ = __name__
    choose.__doc__ = _docstring(strategy)
    return choose


def _docstring(strategy: Strategy) -> str:
    first = (inspect.getdoc(strategy.choose) or strategy.name).partition("\n")[0]
    lines = [first, "", "Called as `select`, without its name.", "", f"Needs: {_listed(strategy.needs)}."]
    if strategy.uses:
        lines.append(f"Takes into account: {_listed(strategy.uses)}.")
    signature = inspect.signature(strategy.choose).parameters
    own = [f"{name}={signature[name].default!r}" for name in signature if name in strategy.parameters]
    if own:
        lines.append(f"Parameters: {', '.join(own)}.")
    return "\n".join(lines)


def _listed(fields: frozenset[str]) -> str:
    return ", ".join(sorted(fields)) or "nothing"


def __getattr__(name: str) -> Choose:
    if name.startswith("_") or name not in STRATEGIES:
        raise AttributeError(f"There is no strategy {name!r}; there are: {', '.join(STRATEGIES)}.")
    return _function(STRATEGIES[name])


def __dir__() -> list[str]:
    return ["select", *STRATEGIES]
