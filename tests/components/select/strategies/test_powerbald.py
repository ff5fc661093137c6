"""PowerBALD: the noise, the law of the draws, and its two ends, BALD and random queries."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.models.dropout import mutual_information
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.select.strategies.bald import gumbel

IDS = np.array([f"{row:05}" for row in range(4000)])


def test_the_noise_follows_gumbels_law() -> None:
    noise = gumbel(IDS, 0, 0, "powerbald")
    assert scipy.stats.kstest(noise, scipy.stats.gumbel_r.cdf).pvalue > 0.01
    assert np.corrcoef(noise, gumbel(IDS, 1, 0, "powerbald"))[0, 1] < 0.05


def test_the_noise_is_finite_at_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = np.array([0, 2**64 - 1], np.uint64)
    monkeypatch.setattr("labelcycle.components.select.strategies.bald.keyed_order", lambda *_: ends)
    assert np.isfinite(gumbel(IDS[:2])).all()


@pytest.mark.parametrize("coldness", [0.5, 1, 3])
def test_the_best_of_log_scores_and_noise(coldness: float) -> None:
    information = np.random.default_rng(0).exponential(size=4000)
    pool = Candidates(IDS, mutual_information=information, cycle=3)
    selection = select_batch("powerbald", pool, 50, 7, coldness=coldness)
    expected = np.log(information) + gumbel(IDS, 7, 3, "powerbald") / coldness
    best = np.argsort(-expected)[:50]
    assert selection.ids.astype(int).tolist() == best.tolist()
    np.testing.assert_allclose(selection.scores, expected[best])
    assert selection.reasons[0] == f"mutual information {information[best[0]]:.3f}; drawn in proportion to it"


def test_a_first_pick_is_drawn_in_proportion_to_its_information() -> None:
    information = np.array([1.0, 2.0, 3.0, 6.0])
    pool = Candidates(IDS[:4], mutual_information=information)
    picks = [int(select_batch("powerbald", pool, 1, seed).ids[0]) for seed in range(3000)]
    counts = np.bincount(picks, minlength=4)
    assert scipy.stats.chisquare(counts, 3000 * information / information.sum()).pvalue > 0.01


def test_the_colder_the_nearer_to_bald() -> None:
    information = np.random.default_rng(0).exponential(size=4000)
    pool = Candidates(IDS, mutual_information=information)
    bald = select_batch("bald", pool, 100, 0).ids.tolist()
    shared = [
        len(set(bald) & set(select_batch("powerbald", pool, 100, 0, coldness=coldness).ids))
        for coldness in (1e-3, 1, 5, 1e9)
    ]
    assert shared == sorted(shared) and shared[0] < 15 and shared[-1] == 100


def test_what_tells_nothing_comes_last() -> None:
    pool = Candidates(IDS[:50], mutual_information=np.where(np.arange(50) % 2, 0.0, 1e-3))
    selection = select_batch("powerbald", pool, 50, 0)
    assert (selection.ids[:25].astype(int) % 2 == 0).all() and np.isfinite(selection.scores).all()


def test_seed_and_cycle_change_the_draw() -> None:
    pool = Candidates(IDS, mutual_information=np.ones(4000))
    first = select_batch("powerbald", pool, 20, 0).ids.tolist()
    assert select_batch("powerbald", pool, 20, 1).ids.tolist() != first
    assert select_batch("powerbald", replace(pool, cycle=1), 20, 0).ids.tolist() != first


def test_information_is_that_of_bald(complete_pool: Callable[..., Candidates]) -> None:
    pool = replace(complete_pool(300, width=12), cycle=3)
    assert pool.head is not None and pool.features is not None
    known = mutual_information(pool.head, pool.features, pool.ids, 8, 3, passes=4, rate=0.25)
    given = select_batch("powerbald", Candidates(pool.ids, mutual_information=known, cycle=3), 20, 8)
    computed = select_batch("powerbald", pool, 20, 8, passes=4, rate=0.25)
    assert given.ids.tolist() == computed.ids.tolist() and given.scores.tolist() == computed.scores.tolist()


def test_what_it_refuses(complete_pool: Callable[..., Candidates]) -> None:
    pool = complete_pool(20)
    with pytest.raises(ConfigurationError, match="'powerbald' needs mutual_information, or head and features"):
        select_batch("powerbald", replace(pool, head=None), 3, 0)
    for coldness in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigurationError, match="coldness must be a number above 0"):
            select_batch("powerbald", pool, 3, 0, coldness=coldness)
