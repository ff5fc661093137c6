"""Candidates and labelled samples in the order of their ids, with all that belongs to them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.strategy import PER_CANDIDATE, PER_LABELLED, sorted_by_id, take_rows

LABELLED_MATTER: list[tuple[str, dict[str, Any]]] = [
    ("coreset", {}),
    *(("featdist", {"reduce": reduce}) for reduce in ("max", "mean", "min")),
    ("probcover", {"radius": 0.2}),
    ("maxherding", {}),
    ("refine", {"ensemble": "typiclust", "levels": 1, "proposals": 2}),
    ("typiclust", {}),
    ("uherding", {}),
]


def test_rows_take_along_what_belongs_to_them(complete_pool: Callable[..., Candidates]) -> None:
    pool = replace(complete_pool(8), groups=np.array(list("aabbccdd")))
    rows = np.array([5, 0, 3])
    part = take_rows(pool, rows)
    assert part.ids.tolist() == pool.ids[rows].tolist()
    for name in PER_CANDIDATE:
        values = getattr(pool, name)
        assert getattr(part, name) is None if values is None else np.array_equal(getattr(part, name), values[rows])
    assert part.labelled_features is pool.labelled_features


def test_both_are_sorted_and_nothing_in_order_is_copied(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(30)
    ordered = sorted_by_id(pool)
    for names, key in ((PER_CANDIDATE, "ids"), (PER_LABELLED, "labelled_ids")):
        order = np.argsort(getattr(pool, key))
        assert getattr(ordered, key).tolist() == sorted(getattr(pool, key))
        for name in names:
            values = getattr(pool, name)
            assert values is None or np.array_equal(getattr(ordered, name), values[order])
    assert sorted_by_id(ordered) is ordered


def test_labelled_samples_without_ids_stay(complete_pool: Callable[..., Candidates]) -> None:
    pool = replace(complete_pool(30), labelled_ids=None)
    assert sorted_by_id(pool).labelled_features is pool.labelled_features


def test_ids_that_come_twice(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(30)
    assert pool.labelled_ids is not None
    first, known = pool.ids[0], pool.labelled_ids[0]
    with pytest.raises(InputError, match=f"candidates hold id '{first}' more than once. Ids must be unique"):
        sorted_by_id(replace(pool, ids=np.append(pool.ids[:-1], first)))
    with pytest.raises(InputError, match=f"labelled samples hold id '{known}' more than once"):
        sorted_by_id(replace(pool, labelled_ids=np.append(pool.labelled_ids[:-1], known)))
    with pytest.raises(InputError, match=f"'{first}' is both labelled and a candidate. Leave it out"):
        sorted_by_id(replace(pool, labelled_ids=np.append(pool.labelled_ids[:-1], first)))


@pytest.mark.parametrize(("name", "parameters"), LABELLED_MATTER)
def test_the_order_of_labelled_samples_does_not_matter(
    name: str, parameters: dict[str, Any], complete_pool: Callable[..., Candidates]
) -> None:
    for seed in range(5):
        pool = complete_pool(400, labelled=600, width=20, seed=seed)
        order = np.random.default_rng(seed).permutation(600)
        rearranged = replace(pool, **{field: getattr(pool, field)[order] for field in PER_LABELLED})
        first, second = (select_batch(name, given, 40, 0, **parameters) for given in (pool, rearranged))
        assert first.ids.tolist() == second.ids.tolist()
        assert first.scores.tolist() == second.scores.tolist()
