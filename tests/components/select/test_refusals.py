"""What select_batch refuses, and whether the message says what and why."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.select import STRATEGIES, Candidates, Picks, select_batch, strategy


@pytest.fixture
def pool(make_pool: Callable[..., Candidates]) -> Candidates:
    return make_pool(10)


def test_unknown_strategy(pool: Candidates) -> None:
    with pytest.raises(
        ConfigurationError, match="no strategy 'entropi'. Did you mean 'entropy'\\? Choose one of: .*entropy.*random"
    ):
        select_batch("entropi", pool, 3, 0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("entropy", "'entropy' has no parameter balanced, sharp. It has: class_balanced"),
        ("random", "'random' has no parameter balanced, sharp. It has none"),
    ],
)
def test_unknown_parameters(pool: Candidates, name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        select_batch(name, pool, 3, 0, sharp=1, balanced=True)


def test_strategies_that_have_the_parameter_are_named(pool: Candidates) -> None:
    message = "'badge' has no parameter class_balanced.* Strategies that have class_balanced: bald, .*, uherding"
    with pytest.raises(ConfigurationError, match=message):
        select_batch("badge", pool, 3, 0, class_balanced=True)


def test_missing_needs(pool: Candidates) -> None:
    with pytest.raises(ConfigurationError, match="Strategy 'entropy' needs probs, which the candidates lack"):
        select_batch("entropy", replace(pool, probs=None), 3, 0)


def test_all_missing_needs_are_named(pool: Candidates) -> None:
    def greedy(pool: Candidates, budget: int, seed: int) -> Picks:
        raise AssertionError("must not be called")

    strategy(needs={"labelled_features", "head", "features"})(greedy)  # type: ignore[arg-type]
    try:
        with pytest.raises(ConfigurationError, match="needs head, labelled_features, which"):
            select_batch("greedy", pool, 3, 0)
    finally:
        del STRATEGIES["greedy"]


@pytest.mark.parametrize("budget", [0, -1])
def test_budgets_below_one(pool: Candidates, budget: int) -> None:
    with pytest.raises(ConfigurationError, match=f"budget of at least 1; got {budget}"):
        select_batch("random", pool, budget, 0)


def test_duplicate_ids(pool: Candidates) -> None:
    ids = pool.ids.copy()
    ids[7] = ids[2]
    with pytest.raises(InputError, match=f"id '{ids[2]}' more than once"):
        select_batch("random", replace(pool, ids=ids), 3, 0)


@pytest.mark.parametrize("field", ["features", "probs"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers(pool: Candidates, field: str, value: float) -> None:
    values = getattr(pool, field).copy()
    values[[4, 6], 1] = value
    with pytest.raises(InputError, match=f"2 candidates have NaN or infinite {field}, first '{pool.ids[4]}'"):
        select_batch("badge", replace(pool, **{field: values}), 3, 0)


@pytest.mark.parametrize("field", ["features", "probs"])
@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda values: values[:-1], "10 ids but 9 rows of {}"), (lambda values: values[:, 0], "{} have 1 dimensions")],
)
def test_arrays_of_another_shape(pool: Candidates, field: str, change: Any, message: str) -> None:
    with pytest.raises(InputError, match=message.format(field)):
        select_batch("random", replace(pool, **{field: change(getattr(pool, field))}), 3, 0)


@pytest.mark.parametrize("row", [[3.0, -1.0, -0.5, -0.5], [0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0]])
def test_what_is_no_distribution(pool: Candidates, row: list[float]) -> None:
    assert pool.probs is not None
    probs = pool.probs.copy()
    probs[3] = row
    with pytest.raises(InputError, match=f"1 candidates have probs that are .*'{pool.ids[3]}'. .*not logits"):
        select_batch("entropy", replace(pool, probs=probs), 3, 0)


def test_half_precision_distributions_are_taken(make_pool: Callable[..., Candidates]) -> None:
    pool = make_pool(50, classes=1000)
    assert pool.probs is not None
    assert len(select_batch("entropy", replace(pool, probs=pool.probs.astype(np.float16)), 5, 0).ids) == 5
