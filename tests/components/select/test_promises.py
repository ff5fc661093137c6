"""What every strategy promises, for every strategy."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labelcycle.components.select import STRATEGIES, Candidates, select_batch

WAYS: list[tuple[str, dict[str, Any]]] = [("random", {}), ("entropy", {}), ("entropy", {"class_balanced": True})]
each_way = pytest.mark.parametrize(("strategy", "parameters"), WAYS, ids=["random", "entropy", "balanced entropy"])


@st.composite
def pools(draw: st.DrawFn) -> Candidates:
    """Small pools with many ties: few distinct rows, often constant, often of one predicted class."""
    size, classes = draw(st.integers(1, 30)), draw(st.integers(1, 5))
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    ids = draw(st.lists(st.text(alphabet, min_size=1, max_size=6), min_size=size, max_size=size, unique=True))
    kinds = draw(st.lists(st.lists(st.integers(0, 3), min_size=classes, max_size=classes), min_size=1, max_size=4))
    table = np.array([kinds[draw(st.integers(0, len(kinds) - 1))] for _ in range(size)], np.float32)
    table[table.sum(axis=1) == 0] = 1
    return Candidates(ids=np.array(ids, dtype=np.str_), probs=table / table.sum(axis=1, keepdims=True))


def rearranged(pool: Candidates, order: Any) -> Candidates:
    assert pool.probs is not None
    return replace(pool, ids=pool.ids[order], probs=pool.probs[order])


def test_every_strategy_is_tested_here() -> None:
    assert set(STRATEGIES) == {name for name, _ in WAYS}


@each_way
@settings(deadline=None)
@given(pool=pools(), budget=st.integers(1, 40), seed=st.integers(-1, 2**63))
def test_exactly_the_budget_of_distinct_candidates(
    strategy: str, parameters: dict[str, Any], pool: Candidates, budget: int, seed: int
) -> None:
    selection = select_batch(strategy, pool, budget, seed, **parameters)
    assert len(selection.ids) == len(set(selection.ids)) == min(budget, len(pool))
    assert set(selection.ids) <= set(pool.ids)
    assert len(selection.scores) == len(selection.reasons) == len(selection.ids)
    assert np.isfinite(selection.scores).all()


@each_way
@settings(deadline=None)
@given(pool=pools(), budget=st.integers(1, 40), shuffling=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    strategy: str, parameters: dict[str, Any], pool: Candidates, budget: int, shuffling: Any
) -> None:
    order = list(range(len(pool)))
    shuffling.shuffle(order)
    first = select_batch(strategy, pool, budget, 0, **parameters)
    second = select_batch(strategy, rearranged(pool, order), budget, 0, **parameters)
    assert first.ids.tolist() == second.ids.tolist()
    assert first.scores.tolist() == second.scores.tolist()
    assert first.reasons == second.reasons


@each_way
@pytest.mark.parametrize("size", [1, 2, 100])
def test_the_whole_pool_and_more(
    strategy: str, parameters: dict[str, Any], size: int, make_pool: Callable[..., Candidates]
) -> None:
    pool = make_pool(size)
    for budget in (size, size + 1, 10 * size):
        assert sorted(select_batch(strategy, pool, budget, 0, **parameters).ids) == sorted(pool.ids)


@each_way
def test_an_empty_pool_gives_an_empty_query(
    strategy: str, parameters: dict[str, Any], make_pool: Callable[..., Candidates]
) -> None:
    selection = select_batch(strategy, make_pool(0), 5, 0, **parameters)
    assert (len(selection.ids), len(selection.scores), selection.reasons) == (0, 0, [])


@each_way
@settings(deadline=None)
@given(size=st.integers(2, 40), seed=st.integers(0, 100))
@example(size=40, seed=0)
def test_constant_probabilities_do_not_favour_early_ids(
    strategy: str, parameters: dict[str, Any], size: int, seed: int
) -> None:
    ids = np.array([f"{seed}-{number:03}" for number in range(size)])
    pool = Candidates(ids=ids, probs=np.full((size, 4), 0.25, np.float32))
    selection = select_batch(strategy, pool, size, 0, **parameters)
    assert sorted(selection.ids) == ids.tolist()
    if size == 40:
        assert selection.ids.tolist() != ids.tolist()


@each_way
def test_candidates_are_not_changed(
    strategy: str, parameters: dict[str, Any], make_pool: Callable[..., Candidates]
) -> None:
    pool, same = make_pool(20), make_pool(20)
    select_batch(strategy, pool, 5, 0, **parameters)
    assert np.array_equal(pool.ids, same.ids)
    assert pool.probs is not None and same.probs is not None
    assert np.array_equal(pool.probs, same.probs)
