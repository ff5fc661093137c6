"""Random: seeded, varying from cycle to cycle, and uniform."""

from collections import Counter
from dataclasses import replace

import numpy as np

from labelcycle.components.select import Candidates, select_batch

POOL = Candidates(ids=np.array([f"image-{number}.jpg" for number in range(50)]))


def picks(seed: int, cycle: int = 0, budget: int = 10, pool: Candidates = POOL) -> list[str]:
    found: list[str] = select_batch("random", replace(pool, cycle=cycle), budget, seed).ids.tolist()
    return found


def test_the_same_seed_and_cycle_give_the_same_picks() -> None:
    assert picks(3, 1) == picks(3, 1)


def test_known_picks() -> None:
    """If these change, campaigns that are under way would be asked other queries than before."""
    assert picks(0, 0, 3) == ["image-19.jpg", "image-30.jpg", "image-46.jpg"]


def test_seeds_and_cycles_vary_the_picks() -> None:
    draws = [tuple(picks(seed, cycle)) for seed in range(5) for cycle in range(5)]
    assert len(set(draws)) == len(draws)


def test_a_smaller_budget_takes_the_first_of_a_larger() -> None:
    assert picks(0, budget=20)[:7] == picks(0, budget=7)


def test_samples_that_leave_the_pool_do_not_stir_the_others() -> None:
    order = picks(0, budget=50)
    rest = Candidates(ids=np.array([name for name in POOL.ids if name != order[3]]))
    assert picks(0, budget=49, pool=rest) == order[:3] + order[4:]


def test_probabilities_do_not_matter() -> None:
    probs = np.zeros((50, 2))
    probs[:, 0] = 1
    assert picks(0, pool=replace(POOL, probs=probs)) == picks(0)


def test_every_sample_is_as_likely_as_any_other() -> None:
    counts = Counter(name for seed in range(1000) for name in picks(seed))
    assert set(counts) == set(POOL.ids)
    expected = 1000 * 10 / 50
    chi_square = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_square < 90


def test_every_rank_is_as_likely_as_any_other() -> None:
    ranks = [picks(seed, budget=50).index("image-0.jpg") for seed in range(2000)]
    counts = np.bincount(np.array(ranks) // 10, minlength=5)
    assert (abs(counts - 400) < 90).all()


def test_reasons_and_scores() -> None:
    selection = select_batch("random", POOL, 4, 0)
    assert selection.reasons == ["random"] * 4
    assert (selection.scores >= 0).all() and (selection.scores <= 1).all()
