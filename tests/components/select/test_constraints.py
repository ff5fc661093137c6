"""What holds for a query whatever the strategy: lists of samples, a random share, quotas, near-duplicates."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.select import Candidates, Constraints, Selection, select_batch

SITES = ("north", "south", "")
MEANT = "must be included"
DRAWN = "explore: drawn at random"


def make_pool(size: int, classes: int = 3, seed: int = 0, sites: tuple[str, ...] = SITES) -> Candidates:
    generator = np.random.default_rng(seed)
    return Candidates(
        ids=np.array([f"image-{number}.jpg" for number in range(size)], dtype=np.str_),
        probs=generator.dirichlet(np.ones(classes), size).astype(np.float32),
        groups=np.array([sites[number % len(sites)] for number in range(size)], dtype=np.str_),
    )


@st.composite
def pools(draw: st.DrawFn) -> Candidates:
    size = draw(st.integers(1, 25))
    pool = make_pool(size, seed=draw(st.integers(0, 5)))
    return replace(pool, groups=np.array(draw(st.lists(st.sampled_from(SITES), min_size=size, max_size=size))))


@st.composite
def constrained(draw: st.DrawFn) -> tuple[Candidates, Constraints]:
    """A pool and constraints that it can be held to, near-duplicates aside."""
    pool = draw(pools())
    assert pool.groups is not None
    order = draw(st.permutations(pool.ids.tolist()))
    included, excluded = draw(st.integers(0, len(order))), draw(st.integers(0, len(order)))
    there = sorted(set(pool.groups.tolist()))
    return pool, Constraints(
        include=order[:included],
        exclude=order[included : included + excluded],
        explore=draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])),
        quotas=draw(st.dictionaries(st.sampled_from(there), st.integers(0, 10), max_size=2)),
    )


def select(pool: Candidates, budget: int, constraints: Constraints, seed: int = 0, **settings: Any) -> Selection:
    return select_batch("entropy", pool, budget, seed, constraints=constraints, **settings)


def columns(selection: Selection) -> list[list[Any]]:
    return [
        getattr(selection, name) if name == "reasons" else getattr(selection, name).tolist() for name in vars(selection)
    ]


@settings(deadline=None)
@given(constrained(), st.integers(1, 30))
def test_exactly_the_budget_of_distinct_candidates(held: tuple[Candidates, Constraints], budget: int) -> None:
    pool, constraints = held
    selection = select(pool, budget, constraints)
    available = len(pool) - len(constraints.exclude)
    assert len(selection.ids) == len(set(selection.ids)) == min(budget, available)
    assert set(selection.ids) <= set(pool.ids)
    assert {len(column) for column in columns(selection)} == {len(selection.ids)}
    assert np.isfinite(selection.scores).all()


@settings(deadline=None)
@given(constrained(), st.integers(1, 30))
def test_lists_are_honoured(held: tuple[Candidates, Constraints], budget: int) -> None:
    pool, constraints = held
    selection = select(pool, budget, constraints)
    assert not set(selection.ids) & set(constraints.exclude)
    first = list(constraints.include)[:budget]
    assert selection.ids[: len(first)].tolist() == first
    assert selection.reasons[: len(first)] == [MEANT] * len(first)
    assert MEANT not in selection.reasons[len(first) :]


@settings(deadline=None)
@given(constrained(), st.integers(1, 30))
def test_the_explored_share_is_exact(held: tuple[Candidates, Constraints], budget: int) -> None:
    pool, constraints = held
    selection = select(pool, budget, constraints)
    included = min(budget, len(constraints.include))
    left = min(budget - included, len(pool) - len(constraints.exclude) - len(constraints.include))
    assert selection.explored.sum() == min(round(constraints.explore * budget), max(left, 0))
    assert [reason == DRAWN for reason in selection.reasons] == selection.explored.tolist()
    assert not selection.explored[: len(selection.ids) - selection.explored.sum()].any(), "they come last"


@settings(deadline=None)
@given(constrained(), st.integers(1, 30), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(held: tuple[Candidates, Constraints], budget: int, shuffling: Any) -> None:
    pool, constraints = held
    order = list(range(len(pool)))
    shuffling.shuffle(order)
    assert pool.probs is not None and pool.groups is not None
    other = replace(pool, ids=pool.ids[order], probs=pool.probs[order], groups=pool.groups[order])
    assert columns(select(pool, budget, constraints)) == columns(select(other, budget, constraints))


@settings(deadline=None)
@given(pools(), st.dictionaries(st.sampled_from(SITES), st.integers(0, 12)), st.integers(1, 30))
def test_quotas(pool: Candidates, quotas: dict[str, int], budget: int) -> None:
    assert pool.groups is not None
    there = Counter(pool.groups.tolist())
    quotas = {group: quota for group, quota in quotas.items() if group in there}
    selection = select(pool, budget, Constraints(quotas=quotas))
    group_of = dict(zip(pool.ids.tolist(), pool.groups.tolist(), strict=True))
    found = Counter(group_of[name] for name in selection.ids.tolist())
    size, total = min(budget, len(pool)), sum(quotas.values())
    share = {group: min(quota * min(size, total) // max(total, 1), there[group]) for group, quota in quotas.items()}
    others = sum(count for group, count in there.items() if group not in quotas)
    from_others = sum(count for group, count in found.items() if group not in quotas)
    assert all(found[group] >= share[group] for group in quotas)
    assert from_others == min(others, size - sum(share.values()))
    if others >= size - sum(share.values()):
        assert all(found[group] == share[group] for group in quotas)


def test_within_quotas_the_strategy_chooses() -> None:
    pool = make_pool(60)
    plain = select(pool, 60, Constraints()).ids.tolist()
    group = dict(zip(pool.ids.tolist(), pool.groups.tolist(), strict=True))  # type: ignore[union-attr]
    best = {site: [name for name in plain if group[name] == site] for site in SITES}
    found = select(pool, 10, Constraints(quotas={"north": 2, "south": 3})).ids.tolist()
    assert found == best["north"][:2] + best["south"][:3] + best[""][:5]


def test_quotas_above_the_budget_are_cut_in_proportion() -> None:
    selection = select(make_pool(60), 10, Constraints(quotas={"north": 30, "south": 10}))
    numbers = Counter(int(name[6:-4]) % 3 for name in selection.ids)
    assert numbers[0] == 7 and numbers[1] == 2, "one of the ten is left over, and goes to those without a quota"
    assert numbers[2] == 1


def test_a_quota_of_nothing_leaves_a_group_out() -> None:
    selection = select(make_pool(60), 40, Constraints(quotas={"north": 0}))
    assert {int(name[6:-4]) % 3 for name in selection.ids} == {1, 2}


def test_exploring_draws_every_candidate_equally_often() -> None:
    pool = make_pool(40)
    kept = Constraints(explore=0.5, include=["image-0.jpg"], exclude=["image-1.jpg"])
    counts: Counter[str] = Counter()
    for seed in range(600):
        selection = select(pool, 10, kept, seed)
        counts.update(selection.ids[selection.explored].tolist())
    assert set(counts) == set(pool.ids.tolist()) - {"image-0.jpg", "image-1.jpg"}
    assert sum(counts.values()) == 600 * 5
    expected = 600 * 5 / 38
    # Draws without replacement vary a little less than independent ones.
    assert scipy.stats.chi2(37).sf(sum((count - expected) ** 2 / expected for count in counts.values())) > 1e-3


def test_exploring_varies_with_the_seed_and_the_cycle() -> None:
    pool, explore = make_pool(40), Constraints(explore=1.0)
    draws = {
        tuple(select(replace(pool, cycle=cycle), 5, explore, seed).ids.tolist())
        for seed in range(4)
        for cycle in range(4)
    }
    assert len(draws) == 16


def test_exploring_does_not_change_what_the_strategy_likes_most() -> None:
    pool = make_pool(40)
    plain, mixed = select(pool, 40, Constraints()), select(pool, 10, Constraints(explore=0.3))
    drawn = mixed.ids[mixed.explored].tolist()
    best = [name for name in plain.ids.tolist() if name not in drawn][:7]
    assert mixed.ids[~mixed.explored].tolist() == best
    assert mixed.scores[~mixed.explored].tolist() == [plain.scores[plain.ids.tolist().index(name)] for name in best]


def test_samples_that_must_be_included_come_over_several_cycles() -> None:
    wanted = [f"image-{number}.jpg" for number in (9, 3, 7, 1)]
    assert select(make_pool(20), 3, Constraints(include=wanted)).ids.tolist() == wanted[:3]
    assert select(make_pool(20), 3, Constraints(include=[*wanted, wanted[0]])).ids.tolist() == wanted[:3]


def test_everything_excluded() -> None:
    pool = make_pool(5)
    assert len(select(pool, 3, Constraints(exclude=pool.ids.tolist(), quotas={"north": 2})).ids) == 0


def test_of_near_duplicates_one_is_asked_for() -> None:
    """Twelve samples in four directions: three of each are the same but for their length."""
    directions = np.eye(4)[np.arange(12) % 4]
    pool = replace(make_pool(12), features=(directions * np.arange(1, 13)[:, None]).astype(np.float32))
    selection = select(pool, 12, Constraints(near_duplicates=0.99))
    assert sorted(int(name[6:-4]) % 4 for name in selection.ids) == [0, 1, 2, 3]
    labelled = replace(pool, labelled_features=np.eye(4, dtype=np.float32)[:1], labelled_classes=np.array([0]))
    selection = select(labelled, 12, Constraints(near_duplicates=0.99))
    assert sorted(int(name[6:-4]) % 4 for name in selection.ids) == [1, 2, 3]
    wanted = ["image-5.jpg", "image-9.jpg"]
    selection = select(pool, 12, Constraints(near_duplicates=0.99, include=wanted))
    assert selection.ids[:2].tolist() == wanted
    assert sorted(int(name[6:-4]) % 4 for name in selection.ids[2:]) == [0, 2, 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"explore": -0.1}, "explore is a share of the query, between 0 and 1; got -0.1"),
        ({"explore": 1.01}, "explore is a share of the query, between 0 and 1; got 1.01"),
        ({"explore": float("nan")}, "explore is a share of the query"),
        ({"near_duplicates": 0}, "near_duplicates is a cosine similarity, above 0 and at most 1; got 0"),
        ({"near_duplicates": 1.5}, "near_duplicates is a cosine similarity"),
        ({"quotas": {"north": -1}}, "quota of group 'north' is -1"),
        ({"include": ["a", "b"], "exclude": ["c", "b"]}, "Id 'b' is both excluded and included"),
    ],
)
def test_constraints_that_cannot_be_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Constraints(**settings)


@pytest.mark.parametrize(
    ("constraints", "error", "message"),
    [
        (Constraints(include=["nobody"]), InputError, "Id 'nobody' is to be included but is not a candidate"),
        (Constraints(exclude=["zzz"]), InputError, "Id 'zzz' is to be excluded but is not a candidate"),
        (Constraints(quotas={"west": 1}), ConfigurationError, "quota for group 'west', which no candidate belongs to"),
        (Constraints(near_duplicates=0.9), ConfigurationError, "near_duplicates needs features"),
    ],
)
def test_constraints_that_do_not_fit_the_pool_are_refused(
    constraints: Constraints, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        select(make_pool(20), 3, constraints)


def test_quotas_need_groups() -> None:
    with pytest.raises(ConfigurationError, match="Quotas need groups, which the candidates lack"):
        select(replace(make_pool(20), groups=None), 3, Constraints(quotas={"north": 1}))
