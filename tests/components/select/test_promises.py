"""What every strategy promises, for every strategy and its main options."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.select import STRATEGIES, Candidates, select_batch
from labelcycle.components.select.strategy import PER_CANDIDATE

FEW_STEPS = {"iterations": 3}
FEW_EPOCHS = {"epochs": 2}
WAYS: list[tuple[str, dict[str, Any]]] = [
    ("activeft", FEW_STEPS),
    ("activeft", {"mode": "al", **FEW_STEPS}),
    ("alfamix", {}),
    ("badge", {}),
    ("bait", {}),
    ("bait", {"candidates": 1, "regularisation": 1e-3}),
    *(
        (name, options)
        for name in ("bald", "confidence", "entropy", "margin")
        for options in (
            {},
            {"class_balanced": True},
            {"cluster_features": True},
        )
    ),
    ("coreset", {}),
    ("dropquery", {}),
    ("dropquery", {"fill": "random", "passes": 4, "rate": 0.1}),
    *(("featdist", {"reduce": reduce}) for reduce in ("max", "mean", "min")),
    ("featdist", {"class_balanced": True}),
    ("kmeans", {}),
    ("kmeans", {"probabilities": 0.5}),
    ("learnloss", FEW_EPOCHS),
    *(
        (name, options)
        for name in ("maxherding", "uherding")
        for options in ({}, {"bandwidth": 0.3}, {"targets": 1, "candidates": 1}, {"targets": 50, "candidates": 50})
    ),
    ("powerbald", {}),
    ("powerbald", {"coldness": 8.0, "passes": 3}),
    ("probcover", {}),
    ("probcover", {"radius": 0.5}),
    ("probcover", {"purity_of": "members"}),
    ("random", {}),
    ("refine", {"levels": 2, "proposals": 1}),
    ("refine", {"ensemble": "margin+typiclust", "levels": 3, "proposals": 2, "subset": 9, "share": 0.1, "most": 5}),
    ("tavaal", FEW_EPOCHS),
    ("tcm", {}),
    ("tcm", {"labels_a_class": 0}),
    ("typiclust", {}),
    ("topk_loss", {}),
    ("vecaf_ods", FEW_STEPS),
    ("vecaf_ods", {"loss_power": 0.0, "balance_beside": "losses", **FEW_STEPS}),
    ("vecaf_ods", {"members": 1, "debias": False, **FEW_STEPS}),
]
NAMES = [" ".join([name, *(f"{key}={value}" for key, value in options.items())]) for name, options in WAYS]
each_way = pytest.mark.parametrize(("strategy", "parameters"), WAYS, ids=NAMES)
NETWORKS = ("learnloss", "tavaal")
quickly = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def pools(draw: st.DrawFn) -> Candidates:
    """Small pools with every field and many ties: few distinct rows, often constant, often of one class."""
    size, classes, labelled = draw(st.integers(1, 24)), draw(st.integers(1, 5)), draw(st.integers(1, 8))
    alphabet = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    ids = draw(
        st.lists(
            st.text(alphabet, min_size=1, max_size=6), min_size=size + labelled, max_size=size + labelled, unique=True
        )
    )
    kinds = draw(st.integers(1, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    scores = generator.integers(0, 4, (kinds, classes)).astype(np.float32)
    scores[scores.sum(axis=1) == 0] = 1
    vectors = generator.integers(-2, 3, (kinds, 3)).astype(np.float16)
    kind, labelled_kind = generator.integers(0, kinds, size), generator.integers(0, kinds, labelled)
    return Candidates(
        ids=np.array(ids[:size], dtype=np.str_),
        features=vectors[kind],
        probs=(scores / scores.sum(axis=1, keepdims=True))[kind],
        labelled_ids=np.array(ids[size:], dtype=np.str_),
        labelled_features=vectors[labelled_kind],
        labelled_classes=generator.integers(0, classes, labelled),
        head=LinearHead(
            *(np.full(3, value, np.float32) for value in (0, 1, 1, 0)),
            weight=generator.integers(-1, 2, (classes, 3)).astype(np.float32),
            bias=np.zeros(classes, np.float32),
        ),
        losses=generator.integers(0, 2, size).astype(np.float64),
    )


def rearranged(pool: Candidates, order: Any) -> Candidates:
    return replace(
        pool,
        ids=pool.ids[order],
        **{name: getattr(pool, name)[order] for name in PER_CANDIDATE if getattr(pool, name) is not None},
    )


def test_every_strategy_is_tested_here() -> None:
    assert set(STRATEGIES) == {name for name, _ in WAYS}


@each_way
def test_exactly_the_budget_of_distinct_candidates_in_any_order_of_rows(
    strategy: str, parameters: dict[str, Any]
) -> None:
    examples = 5 if strategy in NETWORKS else 30

    @settings(quickly, max_examples=examples)
    @given(
        pool=pools(),
        budget=st.integers(1, 30),
        seed=st.integers(-1, 2**63),
        shuffling=st.randoms(use_true_random=False),
    )
    def check(pool: Candidates, budget: int, seed: int, shuffling: Any) -> None:
        selection = select_batch(strategy, pool, budget, seed, **parameters)
        size = min(budget, len(pool))
        assert len(selection.ids) == len(set(selection.ids)) == size
        assert set(selection.ids) <= set(pool.ids)
        assert np.isfinite(selection.scores).all()
        assert all(selection.reasons)
        columns = (selection.scores, selection.reasons, selection.clusters, selection.represents, selection.explored)
        assert [len(column) for column in columns] == [size] * 5
        assert not selection.explored.any()
        assert (selection.represents >= 0).all() and (selection.represents <= len(pool)).all()
        order = list(range(len(pool)))
        shuffling.shuffle(order)
        again = select_batch(strategy, rearranged(pool, order), budget, seed, **parameters)
        assert again.ids.tolist() == selection.ids.tolist()
        assert again.scores.tolist() == selection.scores.tolist()
        assert again.reasons == selection.reasons

    check()


@each_way
@pytest.mark.parametrize("size", [1, 2, 60])
def test_the_whole_pool_and_more(
    strategy: str, parameters: dict[str, Any], size: int, complete_pool: Callable[..., Candidates]
) -> None:
    pool = complete_pool(size)
    for budget in (size, size + 1):
        assert sorted(select_batch(strategy, pool, budget, 0, **parameters).ids) == sorted(pool.ids)


@each_way
def test_an_empty_pool_gives_an_empty_query(
    strategy: str, parameters: dict[str, Any], complete_pool: Callable[..., Candidates]
) -> None:
    selection = select_batch(strategy, complete_pool(0), 5, 0, **parameters)
    assert (len(selection.ids), len(selection.scores), selection.reasons) == (0, 0, [])


@each_way
def test_a_pool_of_equals_does_not_favour_early_ids(strategy: str, parameters: dict[str, Any]) -> None:
    ids = np.array([f"{number:03}" for number in range(40)])
    pool = Candidates(
        ids=ids,
        features=np.ones((40, 3), np.float16),
        probs=np.full((40, 4), 0.25, np.float32),
        labelled_ids=np.array(["labelled"]),
        labelled_features=np.ones((1, 3), np.float16),
        labelled_classes=np.array([0]),
        head=LinearHead(
            *(np.full(3, value, np.float32) for value in (0, 1, 1, 0)),
            weight=np.zeros((4, 3), np.float32),
            bias=np.zeros(4, np.float32),
        ),
        losses=np.ones(40),
    )
    selection = select_batch(strategy, pool, 10, 0, **parameters)
    assert sorted(selection.ids) != ids[:10].tolist()


@each_way
def test_the_same_seed_gives_the_same_picks(
    strategy: str, parameters: dict[str, Any], complete_pool: Callable[..., Candidates]
) -> None:
    first, second = (select_batch(strategy, complete_pool(80), 10, 5, **parameters) for _ in range(2))
    assert first.ids.tolist() == second.ids.tolist()


@each_way
def test_candidates_are_not_changed(
    strategy: str, parameters: dict[str, Any], complete_pool: Callable[..., Candidates]
) -> None:
    pool, same = complete_pool(40), complete_pool(40)
    select_batch(strategy, pool, 5, 0, **parameters)
    for name in ("ids", "features", "probs", "losses", "labelled_features", "labelled_classes"):
        assert np.array_equal(getattr(pool, name), getattr(same, name)), name
    assert pool.head is not None and same.head is not None
    for name, values in vars(pool.head).items():
        assert np.array_equal(values, getattr(same.head, name)), name


@each_way
@pytest.mark.parametrize("field", ["features", "probs", "labelled_features", "losses"])
def test_nan_is_refused_where_it_would_be_read(
    strategy: str, parameters: dict[str, Any], field: str, complete_pool: Callable[..., Candidates]
) -> None:
    pool = complete_pool(20)
    values = getattr(pool, field).copy()
    values[3] = np.nan
    spoiled = replace(pool, **{field: values})
    if field in STRATEGIES[strategy].reads_with(parameters):
        with pytest.raises(InputError, match=f"1 (candidates|labelled samples) have NaN or infinite {field}"):
            select_batch(strategy, spoiled, 5, 0, **parameters)
    else:
        expected = select_batch(strategy, pool, 5, 0, **parameters)
        assert select_batch(strategy, spoiled, 5, 0, **parameters).ids.tolist() == expected.ids.tolist()


PICKS_OF_ALL = """
import numpy as np
from labelcycle.components.select import Candidates, select_batch
from tests.components.select.conftest import head_for
from tests.components.select.test_promises import WAYS

generator = np.random.default_rng(0)
features = generator.normal(size=(5000, 33)).astype(np.float16)
pool = Candidates(
    ids=np.array([f"{number}" for number in range(5000)]),
    features=features,
    labelled_ids=np.array([f"labelled-{number}" for number in range(70)]),
    labelled_features=generator.normal(size=(70, 33)).astype(np.float16),
    labelled_classes=generator.integers(0, 7, 70),
    head=head_for(33, 7),
    losses=generator.exponential(size=5000),
)
for name, parameters in WAYS:
    print(name, parameters, *select_batch(name, pool, 40, 0, **parameters).ids)
"""


@pytest.mark.system
def test_the_number_of_threads_does_not_matter() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PICKS_OF_ALL],
            cwd=Path(__file__).parents[3],
            env={**os.environ, "OMP_NUM_THREADS": threads},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.splitlines()
        for threads in ("1", "2")
    ]
    assert len(outputs[0]) == len(WAYS)
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    "strategy",
    ["activeft", "badge", "coreset", "dropquery", "kmeans", "maxherding", "probcover", "typiclust", "uherding"],
)
def test_another_device_gives_the_same_picks(strategy: str, complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(3000, width=40)
    ids = [select_batch(strategy, pool, 30, 0, device=device).ids.tolist() for device in ("numpy", "cpu")]
    assert ids[0] == ids[1]
