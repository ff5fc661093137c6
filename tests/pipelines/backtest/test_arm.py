"""Arms as stages: results that are kept, failures that are outcomes."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.errors import CampaignError, ConfigurationError
from labelcycle.components.core.storage import Store
from labelcycle.components.select import STRATEGIES, Candidates, Picks
from labelcycle.pipelines.backtest import simulate
from labelcycle.pipelines.backtest.arm import read_outcome, run
from labelcycle.pipelines.backtest.backtest_plan import (
    RANDOM,
    BacktestPlan,
    Chooser,
    ComparedStrategy,
    read_plan,
    write_plan,
)


def test_results_are_written_once_and_kept(stored: tuple[Store, BacktestPlan], monkeypatch: pytest.MonkeyPatch) -> None:
    store, plan = stored
    arm = plan.arms()[1]
    name = write_plan(store, plan)
    outcome = run(store.root, name, arm.name)
    assert [cycle.labels for cycle in outcome.cycles] == [8, 16, 24] and outcome.error == ""
    assert read_outcome(store, arm) == outcome
    monkeypatch.setattr(simulate, "simulate", lambda *_: pytest.fail("it was run again"))
    assert run(store.root, name, arm.name) == outcome


@pytest.mark.parametrize(
    ("error", "told"),
    [(ConfigurationError("no such thing"), "no such thing"), (ValueError("broken"), "ValueError: broken")],
)
def test_a_failure_is_an_outcome_and_is_tried_again(
    stored: tuple[Store, BacktestPlan], register: Callable[..., str], error: Exception, told: str
) -> None:
    store, plan = stored
    failing = [error]

    def moody(pool: Candidates, budget: int, seed: int) -> Picks:
        if failing:
            raise failing.pop()
        return Picks(*_first(budget))

    compared = [ComparedStrategy(chooser=RANDOM), ComparedStrategy(chooser=Chooser(strategy=register(moody)))]
    plan = plan.model_copy(update={"compared": compared})
    arm = plan.arms()[1]
    name = write_plan(store, plan)
    assert (run(store.root, name, arm.name).error, read_outcome(store, arm).cycles) == (told, [])  # type: ignore[union-attr]
    assert run(store.root, name, arm.name).error == ""
    assert len(read_outcome(store, arm).cycles) == 3  # type: ignore[union-attr]


def _first(budget: int) -> Any:
    import numpy as np

    return np.arange(budget), np.zeros(budget), [""] * budget


def test_what_an_arm_depends_on_is_in_its_name(make_plan: Callable[..., BacktestPlan]) -> None:
    names = [arm.name for arm in make_plan().arms()]
    assert len(set(names)) == 4 and names[0].startswith("random-seed-0-") and names[3].startswith("entropy-seed-1-")
    schedule = make_plan().schedule
    for changes in (
        {"batch": 4},
        {"initial": 4},
        {"cycles": 2},
        {"trainer": make_plan().trainer.model_copy(update={"epochs": 6})},
        {"schedule": schedule.model_copy(update={"warm_start": False})},
        {"history": make_plan().history.model_copy(update={"sha256": "1" * 64})},
    ):
        assert not {arm.name for arm in make_plan(**changes).arms()} & set(names), changes
    for changes in ({"source": "elsewhere"}, {"prices": Prices(cpu_hour=3.0)}):
        assert [arm.name for arm in make_plan(**changes).arms()] == names
    more = make_plan(seeds=3, compared=[*make_plan().compared, ComparedStrategy(chooser=Chooser(strategy="margin"))])
    assert set(names) < {arm.name for arm in more.arms()}


def test_results_of_another_version_of_an_algorithm_are_not_kept(
    make_plan: Callable[..., BacktestPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [arm.name for arm in make_plan().arms()]
    monkeypatch.setitem(
        STRATEGIES, "entropy", dataclasses.replace(STRATEGIES["entropy"], version=STRATEGIES["entropy"].version + 1)
    )
    changed = [arm.name for arm in make_plan().arms()]
    assert [now == before for now, before in zip(changed, names, strict=True)] == [True, False, True, False]
    monkeypatch.setattr(type(make_plan().trainer), "version", 2)
    assert not {arm.name for arm in make_plan().arms()} & {*names, *changed}


def test_an_unknown_arm_or_plan_is_refused(stored: tuple[Store, BacktestPlan]) -> None:
    store, plan = stored
    with pytest.raises(CampaignError, match="has no arm 'nobody'"):
        run(store.root, write_plan(store, plan), "nobody")
    with pytest.raises(CampaignError, match=r"plans/none\.json is missing"):
        run(store.root, "none", "nobody")


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"arm": "x", "cycles": [{}], "error": ""})])
def test_a_damaged_result_is_named(stored: tuple[Store, BacktestPlan], content: str) -> None:
    store, plan = stored
    arm = plan.arms()[0]
    store.write(f"arms/{arm.name}.json", content.encode())
    with pytest.raises(CampaignError, match=r"is damaged\. Delete it and run again"):
        read_outcome(store, arm)


def test_stored_plans_keep_the_word_of_the_first_version(stored: tuple[Store, BacktestPlan]) -> None:
    store, plan = stored
    name = write_plan(store, plan)
    written = json.loads(store.read(f"plans/{name}.json"))
    assert [one["chooser"]["strategy"] for one in written["contenders"]] == ["random", "entropy"]
    assert "compared" not in written and read_plan(store, name) == plan
