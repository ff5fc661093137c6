"""One arm: the same as a real campaign, the same again, and fair."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.config.recipe import Schedule
from labelcycle.components.select import Candidates, Picks
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, Arm, BacktestPlan, Chooser, ComparedStrategy, Measured
from labelcycle.pipelines.backtest.labelled_history import LabelledHistory
from labelcycle.pipelines.backtest.simulate import simulate

ENTROPY = Chooser(strategy="entropy")


def run(
    history: LabelledHistory, plan: BacktestPlan, chooser: Chooser = ENTROPY, seed: int = 0, cold: Chooser = RANDOM
) -> Any:
    return simulate(history, plan, Arm("arm", ComparedStrategy(chooser=chooser, cold_start=cold), seed))


def figures(results: list[Measured]) -> list[Measured]:
    return [replace(result, training_seconds=0.0, selection_seconds=0.0) for result in results]


def watch(register: Callable[..., str], needs: set[str], uses: set[str]) -> tuple[Chooser, list[Candidates]]:
    """A strategy that takes the first rows, and the candidates it was given."""
    seen: list[Candidates] = []

    def watching(pool: Candidates, budget: int, seed: int) -> Picks:
        seen.append(pool)
        return Picks(np.arange(budget), np.zeros(budget), [""] * budget)

    return Chooser(strategy=register(watching, needs=needs, uses=uses)), seen


@pytest.mark.parametrize("strategy", ["random", "entropy", "coreset", "dropquery"])
def test_it_is_what_a_campaign_does(
    begin: Callable[..., Any],
    history: LabelledHistory,
    make_plan: Callable[..., BacktestPlan],
    tmp_path: Path,
    strategy: str,
) -> None:
    campaign = begin(overrides={"selector.strategy": strategy, "schedule.learning_rate_drops": [2]}, seed=3)
    for _ in range(4):
        campaign.run_cycle()
    recipe = campaign.state.campaign.recipe
    plan = make_plan(trainer=recipe.trainer, schedule=recipe.schedule)
    found = run(history, plan, Chooser(strategy=strategy), seed=3)
    expected = [(cycle.cycle, cycle.labels, cycle.accuracy, cycle.macro_f1) for cycle in campaign.state.trained]
    assert [(cycle.cycle, cycle.labels, cycle.accuracy, cycle.macro_f1) for cycle in found] == expected
    assert len(expected) == 3


@pytest.mark.parametrize(
    ("recipe", "strategy"),
    [
        ("svpp", "margin"),
        ("svpp", "badge"),
        ("svpp", "alfamix"),
        ("svpp", "bald"),
        ("svpp", "learnloss"),
        ("svpp", "probcover"),
        ("dropquery", "dropquery"),
        ("logistic", "margin"),
        ("logistic", "badge"),
        ("logistic", "dropquery"),
        ("logistic", "alfamix"),
        ("logistic", "bald"),
        ("logistic", "learnloss"),
        ("logistic", "refine"),
        ("logistic", "uherding"),
    ],
)
def test_other_heads_are_those_of_a_campaign_too(
    begin: Callable[..., Any],
    history: LabelledHistory,
    make_plan: Callable[..., BacktestPlan],
    recipe: str,
    strategy: str,
) -> None:
    overrides = {"selector.strategy": strategy, "cold_start": {"strategy": "random"}}
    campaign = begin(recipe=recipe, overrides=overrides, seed=3)
    for _ in range(3):
        campaign.run_cycle()
    chosen = campaign.state.campaign.recipe
    plan = make_plan(trainer=chosen.trainer, schedule=chosen.schedule, cycles=2)
    found = run(history, plan, Chooser(strategy=strategy), seed=3)
    expected = [(cycle.cycle, cycle.labels, cycle.accuracy, cycle.macro_f1) for cycle in campaign.state.trained]
    assert [(cycle.cycle, cycle.labels, cycle.accuracy, cycle.macro_f1) for cycle in found] == expected
    assert len(expected) == 2


def test_the_same_again_is_the_same(history: LabelledHistory, make_plan: Callable[..., BacktestPlan]) -> None:
    once, again = run(history, make_plan()), run(history, make_plan())
    assert figures(once) == figures(again)
    assert [cycle.labels for cycle in once] == [8, 16, 24]


def test_seeds_differ(history: LabelledHistory, make_plan: Callable[..., BacktestPlan]) -> None:
    curves = {tuple(cycle.accuracy for cycle in run(history, make_plan(), seed=seed)) for seed in range(4)}
    assert len(curves) > 1


def test_arms_of_a_seed_begin_with_the_same_labels(
    history: LabelledHistory, make_plan: Callable[..., BacktestPlan]
) -> None:
    first = [run(history, make_plan(), chooser, seed=1)[0] for chooser in (RANDOM, ENTROPY)]
    assert figures(first[:1]) == figures(first[1:])


def test_an_own_cold_start_is_used(
    history: LabelledHistory, make_plan: Callable[..., BacktestPlan], register: Any
) -> None:
    chooser, seen = watch(register, {"features"}, set())
    run(history, make_plan(), RANDOM, cold=chooser)
    assert [(len(pool), pool.cycle) for pool in seen] == [(48, 0)]
    assert seen[0].labelled_ids is None and seen[0].head is None


def test_a_strategy_is_given_what_it_reads_and_nothing_of_the_truth(
    history: LabelledHistory, make_plan: Callable[..., BacktestPlan], register: Any
) -> None:
    everything = {"features", "probs", "head", "labelled_ids", "labelled_features", "labelled_classes", "losses"}
    chooser, seen = watch(register, set(), everything | {"disagreements", "mutual_information", "groups", "texts"})
    run(history, make_plan(), chooser)
    assert [(len(pool), pool.cycle) for pool in seen] == [(40, 1), (32, 2)]
    pool = seen[1]
    assert pool.probs is not None and pool.probs.shape == (32, 3)
    assert pool.features is not None and pool.features.shape == (32, 8) and pool.head is not None
    assert pool.labelled_ids is not None and pool.labelled_features is not None and pool.labelled_classes is not None
    rows = np.searchsorted(history.pool.ids, pool.labelled_ids)
    assert np.array_equal(pool.labelled_features, history.pool.features[rows])
    assert np.array_equal(pool.labelled_classes, history.pool.classes[rows])
    assert not set(pool.labelled_ids) & set(pool.ids)
    unknown = (pool.losses, pool.disagreements, pool.mutual_information, pool.groups, pool.texts)
    assert all(values is None for values in unknown)


def test_losses_and_passes_are_for_those_that_cannot_do_without(
    history: LabelledHistory, make_plan: Callable[..., BacktestPlan], register: Any
) -> None:
    needs = {"losses", "disagreements", "mutual_information"}
    chooser, seen = watch(register, needs, {"probs"})
    run(history, make_plan(), chooser)
    pool = seen[0]
    assert pool.probs is not None and pool.losses is not None and pool.disagreements is not None
    truth = history.pool.classes[np.searchsorted(history.pool.ids, pool.ids)]
    assert pool.losses == pytest.approx(-np.log(pool.probs[np.arange(len(truth)), truth]), abs=1e-6)
    assert pool.disagreements.max() <= 3 and pool.mutual_information is not None


def test_queries_grow_as_a_campaign_s_do(
    begin: Callable[..., Any], history: LabelledHistory, make_plan: Callable[..., BacktestPlan]
) -> None:
    campaign = begin(overrides={"schedule.batches_from": [[16, 12]]}, budget=40)
    while campaign.state.phase != "done":
        campaign.run_cycle()
    schedule = campaign.state.campaign.recipe.schedule
    plan = make_plan(trainer=campaign.state.campaign.recipe.trainer, schedule=schedule, cycles=4)
    found = [cycle.labels for cycle in run(history, plan)]
    assert found == [cycle.labels for cycle in campaign.state.trained] == [8, 16, 28, 40]


def test_the_schedule_counts(history: LabelledHistory, make_plan: Callable[..., BacktestPlan]) -> None:
    slow = Schedule(learning_rate_drops=[1], drop_factor=1e-9)
    assert figures(run(history, make_plan(schedule=slow))) != figures(run(history, make_plan()))
    cold = run(history, make_plan(schedule=Schedule(warm_start=False)))
    assert figures(cold)[0] == figures(run(history, make_plan()))[0]


def test_validation_samples_choose_the_epoch(
    history: LabelledHistory, make_plan: Callable[..., BacktestPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    from labelcycle.components.train_adapter import feature_training as module

    given = []
    real = module.train_on_features
    monkeypatch.setattr(module, "train_on_features", lambda *args: given.append(args[1]) or real(*args))
    run(replace(history, val=history.test), make_plan())
    run(history, make_plan())
    assert [validation is None for validation in given] == [False] * 3 + [True] * 3
    assert len(given[0].targets) == 12


def test_seconds_are_measured(history: LabelledHistory, make_plan: Callable[..., BacktestPlan]) -> None:
    assert all(cycle.training_seconds > 0 and cycle.selection_seconds >= 0 for cycle in run(history, make_plan()))
