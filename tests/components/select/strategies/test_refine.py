"""REFINE against a dense textbook form: the ensemble's batches by definition, filtered, and the greedy maximum."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.features.ordering import keyed_order, seed_for
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.select import STRATEGIES, Candidates, select_batch
from labelcycle.components.select.strategies.refine import ENSEMBLE
from labelcycle.components.select.strategy import take_rows
from tests.components.select.conftest import head_for
from tests.components.select.strategies.test_herding import greedy, weights_of

Rows = npt.NDArray[np.int64]

GENERATOR = np.random.default_rng(0)
HEAD = head_for(8, 4)
IDS = np.array([f"{row:03}" for row in range(300)])
POOL = Candidates(
    IDS,
    features=GENERATOR.normal(size=(300, 8)).astype(np.float32),
    probs=GENERATOR.dirichlet(np.full(4, 0.4), 300).astype(np.float32),
    labelled_ids=np.array([f"labelled-{row:02}" for row in range(24)]),
    labelled_features=GENERATOR.normal(size=(24, 8)).astype(np.float32),
    labelled_classes=np.arange(24) % 4,
    head=HEAD,
)
DENSE = "random+margin+maxherding+uherding"
SMALL: dict[str, Any] = {"levels": 3, "proposals": 2, "subset": 80, "share": 0.5, "most": 70}
FEW: dict[str, Any] = {"levels": 2, "proposals": 1}
WORD = 2**64


def picked(pool: Candidates, budget: int, **parameters: Any) -> list[int]:
    return [int(name) for name in select_batch("refine", pool, budget, 0, **parameters).ids]


def number_of(sample_id: str, key: tuple[Any, ...], own: tuple[Any, ...]) -> int:
    """The number that a sample's place in a subset depends on, one SplitMix64 step of Python's own integers."""
    base = int(keyed_order([sample_id], *key)[0])
    word = int.from_bytes(hashlib.blake2b(repr(own).encode(), digest_size=8).digest(), "little")
    word = ((base ^ word) + 0x9E3779B97F4A7C15) % WORD
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB % WORD
    return word ^ word >> 31


def subset_of(pool: Candidates, rows: list[int], size: int, *own: Any) -> list[int]:
    numbers = {row: number_of(str(pool.ids[row]), (0, pool.cycle, "refine"), own) for row in rows}
    return sorted(sorted(rows, key=lambda row: numbers[row])[:size])


def batch_of(strategy: str, pool: Candidates, budget: int, seed: int) -> list[int]:
    """What a strategy picks, by its definition."""
    if strategy == "random":
        order = np.argsort(keyed_order(pool.ids, seed, pool.cycle, "random"))
    elif strategy == "margin":
        order = np.argsort(-weights_of("uherding", pool), kind="stable")
    else:
        return greedy(strategy, pool, budget)[0]
    rows: list[int] = order[:budget].tolist()
    return rows


def textbook(
    pool: Candidates,
    budget: int,
    levels: int,
    proposals: int,
    subset: int,
    share: float,
    most: int,
    cover: str = "left",
) -> tuple[list[int], list[int], list[float]]:
    """What is left after each level, the picks, and their scores."""
    left, size, sizes = list(range(len(pool))), subset, []
    for level in range(levels):
        union: set[int] = set()
        for member in DENSE.split("+"):
            for number in range(proposals):
                among = subset_of(pool, left, max(size, budget), level, member, number)
                seed = seed_for(0, pool.cycle, "refine", level, member, number)
                union |= {among[row] for row in batch_of(member, take_rows(pool, np.array(among)), budget, seed)}
        left = subset_of(pool, sorted(union), max(most, budget), level, "kept")
        size = int(share * len(left))
        sizes.append(len(left))
    if cover == "pool":
        return sizes, *greedy("uherding", pool, budget, candidates=np.array(left))
    picks, scores = greedy("uherding", take_rows(pool, np.array(left)), budget)
    return sizes, [left[row] for row in picks], scores


@pytest.mark.parametrize("budget", [1, 5, 12, 60, 90])
@pytest.mark.parametrize(("cycle", "cover"), [(0, "left"), (3, "left"), (3, "pool")])
def test_the_textbook_form(budget: int, cycle: int, cover: str) -> None:
    pool = replace(POOL, cycle=cycle)
    sizes, rows, scores = textbook(pool, budget, **SMALL, cover=cover)
    assert sizes[0] >= sizes[1] >= sizes[2] >= budget
    selection = select_batch("refine", pool, budget, 0, ensemble=DENSE, cover=cover, **SMALL)
    assert selection.ids.astype(int).tolist() == rows
    np.testing.assert_allclose(selection.scores, scores, rtol=1e-3, atol=1e-7)


def test_levels_filter_more_and_more() -> None:
    settings = SMALL | {"subset": 200, "most": 300}
    sizes = textbook(POOL, 5, **settings)[0]
    assert sizes[0] > sizes[1] > sizes[2] >= 5


def test_without_levels_it_is_uherding() -> None:
    expected = select_batch("uherding", POOL, 20, 0)
    selection = select_batch("refine", POOL, 20, 0, levels=0)
    assert selection.ids.tolist() == expected.ids.tolist()
    assert selection.reasons == expected.reasons


def test_picks_stand_for_the_whole_pool_unless_told_otherwise() -> None:
    picks = {cover: picked(POOL, 12, ensemble=DENSE, cover=cover, **SMALL) for cover in ("pool", "left")}
    assert picked(POOL, 12, ensemble=DENSE, **SMALL) == picks["pool"] != picks["left"]


def test_every_pick_was_proposed_and_says_by_whom() -> None:
    selection = select_batch("refine", POOL, 6, 0, ensemble="margin", levels=1, proposals=1, subset=300)
    assert set(selection.ids) == set(select_batch("margin", POOL, 6, 0).ids)
    assert all(reason.startswith("proposed by margin; margin 0.") for reason in selection.reasons)
    selection = select_batch("refine", POOL, 6, 0, ensemble="margin+entropy", levels=1, proposals=1, subset=300)
    by_margin, by_entropy = (set(select_batch(name, POOL, 6, 0).ids) for name in ("margin", "entropy"))
    for name, reason in zip(selection.ids, selection.reasons, strict=True):
        members = [member for member, ids in (("margin", by_margin), ("entropy", by_entropy)) if name in ids]
        assert reason.startswith(f"proposed by {', '.join(members)}; ")


def test_it_depends_on_seed_and_cycle() -> None:
    given = {"ensemble": DENSE, **SMALL}
    first = select_batch("refine", POOL, 20, 0, **given).ids.tolist()
    assert select_batch("refine", POOL, 20, 1, **given).ids.tolist() != first
    assert select_batch("refine", replace(POOL, cycle=1), 20, 0, **given).ids.tolist() != first


def test_passes_of_another_number_are_not_taken_for_its_members() -> None:
    given = replace(POOL, disagreements=np.full(300, 20), mutual_information=np.ones(300, np.float32))
    assert picked(given, 10, **FEW) == picked(POOL, 10, **FEW)


@pytest.mark.parametrize("budget", [1, 4, 39, 40, 41])
@pytest.mark.parametrize(
    "kind", ["one class", "one label", "copies", "constant", "more classes", "certain", "no labels"]
)
def test_bad_input_gets_exactly_its_budget(kind: str, budget: int, complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(40, classes=30 if kind == "more classes" else 4)
    assert pool.features is not None and pool.labelled_features is not None and pool.probs is not None
    changes: dict[str, dict[str, Any]] = {
        "one class": {"labelled_classes": np.zeros(12, np.int64)},
        "one label": {"labelled_classes": np.array([0] * 11 + [3])},
        "copies": {"features": pool.features[np.arange(40) % 5], "probs": pool.probs[np.arange(40) % 5]},
        "constant": {
            "features": np.ones_like(pool.features),
            "labelled_features": np.ones_like(pool.labelled_features),
        },
        "certain": {"probs": np.eye(4, dtype=np.float32)[np.arange(40) % 4]},
        "no labels": {
            name: getattr(pool, name)[:0] for name in ("labelled_ids", "labelled_features", "labelled_classes")
        },
    }
    pool = replace(pool, **changes.get(kind, {}))
    for parameters in (FEW, FEW | {"subset": 3, "most": 2, "share": 0.01, "cover": "pool"}):
        selection = select_batch("refine", pool, budget, 0, **parameters)
        assert len(set(selection.ids)) == len(selection.ids) == min(budget, 40)
        assert np.isfinite(selection.scores).all()


def test_a_class_without_labels_has_no_probability(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(60)
    assert isinstance(pool.head, LinearHead)
    bias = pool.head.bias.copy()
    bias[2] = -np.inf
    pool = replace(pool, head=replace(pool.head, bias=bias), probs=None)
    assert len(set(picked_ids(pool, 10))) == 10


def picked_ids(pool: Candidates, budget: int) -> list[str]:
    ids: list[str] = select_batch("refine", pool, budget, 0, **FEW).ids.tolist()
    return ids


def test_a_member_s_version_is_part_of_its_own() -> None:
    """Where a member picks otherwise, so does refine: raise its version with theirs, and this table."""
    versions = {name: STRATEGIES[name].version for name in ENSEMBLE.split("+")}
    assert versions == dict.fromkeys(versions, 2) | {"random": 1, "dropquery": 3, "maxherding": 3, "uherding": 3}
    assert STRATEGIES["refine"].version == 2


def test_labels_are_needed_by_whom_they_are() -> None:
    bare = replace(POOL, labelled_ids=None, labelled_features=None, labelled_classes=None)
    with pytest.raises(ConfigurationError, match="'alfamix' of the ensemble needs labelled_classes, labelled_features"):
        picked(bare, 3)
    assert len(picked(bare, 3, ensemble="margin+badge+typiclust")) == 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ensemble": " + "}, "ensemble names no strategy"),
        ({"ensemble": "margin+refine"}, "refine cannot be in its own ensemble"),
        ({"ensemble": "margin+nothing"}, "There is no strategy 'nothing'"),
        ({"ensemble": "vecaf_ods"}, "'vecaf_ods' of the ensemble needs losses"),
        ({"cover": "all"}, "cover is 'left' or 'pool'; got 'all'"),
        ({"levels": -1}, "levels must be a number of at least 0; got -1"),
        ({"proposals": 0}, "proposals must be a number of at least 1; got 0"),
        ({"subset": 0}, "subset must be a number of at least 1; got 0"),
        ({"most": 0}, "most must be a number of at least 1; got 0"),
        ({"share": 0.0}, "share must be a number above 0; got 0"),
        ({"share": float("nan")}, "share must be a number above 0; got nan"),
        ({"share": 1.5}, "share must be a number of at most 1; got 1.5"),
    ],
)
def test_what_it_refuses(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        picked(POOL, 3, **parameters)
