"""The arms side by side: ranking, costs, failures and the answer in a sentence."""

from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.pipelines.backtest.arm import Outcome
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, BacktestPlan, Chooser, ComparedStrategy
from labelcycle.pipelines.backtest.leaderboard import Leaderboard, leaderboard
from labelcycle.pipelines.backtest.leaderboard_table import as_markdown

GOOD, BAD = Chooser(strategy="entropy"), Chooser(strategy="margin")
CURVES = {"random": (0.5, 0.6, 0.8), "entropy": (0.5, 0.8, 0.8), "margin": (0.5, 0.55, 0.6)}


@pytest.fixture
def gather(make_plan: Callable[..., BacktestPlan], cycles: Callable[..., Any]) -> Callable[..., Leaderboard]:
    """A function: curves by strategy (an error instead of a curve fails) and changes of the plan → entries."""

    def gathered(curves: dict[str, Any] = CURVES, **changes: Any) -> Leaderboard:
        compared = [ComparedStrategy(chooser=RANDOM), ComparedStrategy(chooser=GOOD), ComparedStrategy(chooser=BAD)]
        plan = make_plan(**({"compared": compared, "initial": 10, "batch": 10} | changes))
        outcomes = {}
        for arm in plan.arms():
            curve = curves[arm.compared.chooser.strategy]
            curve = curve[arm.seed] if isinstance(curve, list) else curve
            failed = isinstance(curve, str)
            outcomes[arm.name] = Outcome(arm.name, [] if failed else cycles(*curve), curve if failed else "")
        return leaderboard(plan, outcomes)

    return gathered


def test_they_are_ranked_by_what_they_saved_and_the_worse_is_shown(gather: Callable[..., Leaderboard]) -> None:
    found = gather()
    assert [entry.title for entry in found.entries] == ["entropy", "random", "margin"]
    savings = [entry.saved.ratio for entry in found.entries if entry.saved]
    assert savings == pytest.approx([(10 / 30 + 0) / 2, 0, ((15 - 20) / 15 + (20 - 30) / 20) / 2])
    text = as_markdown(found)
    assert "| 1 | entropy | 0.8000 ± 0.0000 | 17% | 17% to 17% | 0% | 20 | 20.00 |" in text
    assert "| 3 | margin | 0.6000 ± 0.0000 | -42% | -42% to -42% | 0% | ≥30 | ≥30.00 |" in text


def test_the_shared_first_point_counts_only_where_the_strategy_chose_it(gather: Callable[..., Leaderboard]) -> None:
    own = [ComparedStrategy(chooser=RANDOM), ComparedStrategy(chooser=GOOD, cold_start=GOOD)]
    found = gather(CURVES, compared=own)
    assert found.entries[0].saved is not None
    assert found.entries[0].saved.ratio == pytest.approx((0 + 10 / 30 + 0) / 3)


def test_costs_are_those_of_the_same_accuracy(gather: Callable[..., Leaderboard]) -> None:
    """Entropy is where random ends after two cycles: 20 labels by three annotators, four seconds of computing."""
    found = gather(prices=Prices(label=2.0, annotators_per_label=3, cpu_hour=900))
    first = found.entries[0]
    assert first.cost is not None and first.cost.labels == 20 * 2 * 3
    assert (first.cost.seconds, first.cost.computing, first.cost.total) == (4.0, 1.0, 121.0)
    assert (first.training_seconds, first.selection_seconds) == (3.0, 3.0)


def test_failures_are_told_and_seeds_are_compared_in_pairs(gather: Callable[..., Leaderboard]) -> None:
    """Only seed 1 has ended for both, so the good curve of seed 0 does not count for entropy."""
    found = gather({**CURVES, "random": ["broken", (0.5, 0.6, 0.8)], "entropy": [(0.9, 0.9, 0.9), (0.5, 0.6, 0.8)]})
    assert [(failure.arm, failure.error) for failure in found.failures] == [("random, seed 0", "broken")]
    entropy = next(entry for entry in found.entries if entry.title == "entropy")
    assert entropy.seeds == 2 and entropy.saved is not None and entropy.saved.ratio == 0
    assert "- random, seed 0: broken" in as_markdown(found)


def test_an_arm_that_did_not_end_counts_as_failed(make_plan: Callable[..., BacktestPlan]) -> None:
    assert [failure.error for failure in leaderboard(make_plan(), {}).failures] == ["it did not end. Run again."] * 4


def test_without_the_random_arm_nothing_is_compared(gather: Callable[..., Leaderboard]) -> None:
    found = gather({**CURVES, "random": "broken"})
    assert [entry.title for entry in found.entries] == ["entropy", "margin"]
    assert all(entry.saved is None and entry.cost is None for entry in found.entries)
    assert "the yardstick, has no results" in found.verdict
    assert "| 1 | entropy | 0.8000 ± 0.0000 | – | – | – | – | – | 6.0 |" in as_markdown(found)


def test_the_verdict_names_the_best(gather: Callable[..., Leaderboard]) -> None:
    verdict = gather().verdict
    assert verdict.startswith("entropy would have saved the most: 17% of the labels on average over the cycles.")
    assert "With 20 labels it is as accurate as random with 30." in verdict
    assert verdict.endswith("Every seed agrees (17% to 17%).")


def test_the_verdict_says_where_bounds_and_doubts_are(gather: Callable[..., Leaderboard]) -> None:
    doubtful = gather({**CURVES, "entropy": [(0.5, 0.9, 0.9), (0.5, 0.55, 0.8)]}).verdict
    assert "at least" in doubtful and "Seeds disagree" in doubtful
    assert "One seed proves little" in gather(seeds=1).verdict


def test_the_verdict_where_random_is_best(gather: Callable[..., Leaderboard]) -> None:
    for curve in ((0.5, 0.5, 0.5), (0.5, 0.601, 0.8)):
        assert gather({**CURVES, "entropy": curve}).verdict.startswith("No strategy would have saved labels")


def test_a_strategy_that_sees_labels_is_marked_and_never_the_answer(gather: Callable[..., Leaderboard]) -> None:
    compared = [ComparedStrategy(chooser=RANDOM), ComparedStrategy(chooser=GOOD, sees_labels=True)]
    found = gather(CURVES, compared=compared)
    assert found.entries[0].title == "entropy"
    assert "entropy" not in found.verdict
    assert "| 1 | entropy† |" in as_markdown(found) and "† was given the losses" in as_markdown(found)


def test_facts_are_plain_values(gather: Callable[..., Leaderboard]) -> None:
    facts = gather().as_facts()
    assert facts["labels"] == [10, 20, 30] and facts["verdict"].startswith("entropy")
    assert facts["contenders"][0]["saved"]["censored_share"] == 0.0
