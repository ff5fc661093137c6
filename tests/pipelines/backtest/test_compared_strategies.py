"""What the user writes after --strategies."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.select import STRATEGIES, Candidates, Picks
from labelcycle.pipelines.backtest.arms import compared_strategies, parse
from labelcycle.pipelines.backtest.backtest_plan import RANDOM


def titles(*texts: str, cold_start: str = "random") -> list[str]:
    return [compared.chooser.title for compared in compared_strategies(texts, cold_start)]


def first_rows(pool: Candidates, budget: int, seed: int) -> Picks:
    return Picks(np.arange(budget), np.zeros(budget), ["first"] * budget)


def test_parameters_belong_to_the_strategy_before_them() -> None:
    found = parse("random, entropy:class_balanced=true,cluster_features=false,dropquery:passes=5,fill=random")
    assert [chooser.strategy for chooser in found] == ["random", "entropy", "dropquery"]
    assert [chooser.parameters for chooser in found] == [
        {},
        {"class_balanced": True, "cluster_features": False},
        {"passes": 5, "fill": "random"},
    ]
    assert found[1].title == "entropy:class_balanced=true,cluster_features=false"
    assert [chooser.title for chooser in parse(found[1].title)] == [found[1].title]


def test_random_is_always_among_them_and_the_user_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert titles("random,entropy") == ["random", "entropy"]
    assert capsys.readouterr().err == ""
    assert titles("entropy") == ["random", "entropy"]
    assert "The random arm is added" in capsys.readouterr().err


def test_the_same_twice_is_once() -> None:
    assert titles("random,entropy", "entropy") == ["random", "entropy"]


def test_by_default_all_that_can_run(register: Callable[..., str]) -> None:
    def needs_texts(pool: Candidates, budget: int, seed: int) -> Picks:
        return first_rows(pool, budget, seed)

    register(needs_texts, needs={"texts"})
    assert titles() == [name for name in STRATEGIES if name != "needs_texts" and not STRATEGIES[name].needs & {"texts"}]
    with pytest.raises(ConfigurationError, match="'needs_texts' needs texts, which labelled features do not have"):
        compared_strategies(["needs_texts"], "random")


def test_a_strategy_that_needs_losses_sees_labels(register: Callable[..., str]) -> None:
    def needs_losses(pool: Candidates, budget: int, seed: int) -> Picks:
        return first_rows(pool, budget, seed)

    register(needs_losses, needs={"losses"})
    assert [compared.sees_labels for compared in compared_strategies(["random,needs_losses"], "random")] == [
        False,
        True,
    ]


def test_own_cold_starts_are_for_strategies_that_need_features_alone() -> None:
    found = {compared.chooser.strategy: compared for compared in compared_strategies(["random,entropy,coreset"], "own")}
    assert found["coreset"].cold_start.strategy == "coreset"
    assert found["entropy"].cold_start == RANDOM and found["random"].cold_start == RANDOM


def test_a_named_cold_start_is_for_all() -> None:
    assert {compared.cold_start.strategy for compared in compared_strategies(["random,entropy"], "coreset")} == {
        "coreset"
    }


@pytest.mark.parametrize(
    ("text", "cold_start", "message"),
    [
        ("entropie", "random", "There is no strategy 'entropie'. Did you mean 'entropy'"),
        ("entropy:balanced=true", "random", "Strategy 'entropy' has no parameter balanced"),
        ("entropy:class_balanced=maybe", "random", "Parameter 'class_balanced' of strategy 'entropy' should be"),
        ("entropy:class_balanced", "random", "'entropy:class_balanced' is not NAME:KEY=VALUE"),
        ("entropy:class_balanced=[1", "random", "is not YAML"),
        ("entropy:class_balanced=[1]", "random", "'entropy' is invalid"),
        ("entropy:class_balanced=.nan", "random", "finite number"),
        ("random:share=1", "random", "Strategy 'random' has no parameter share"),
        ("", "random", "There is no strategy ''"),
        ("random", "entropy", "--cold-start entropy needs probs, which no model gives before the first labels"),
        ("random", "nothing", "There is no strategy 'nothing'"),
    ],
)
def test_what_cannot_be_is_refused(text: str, cold_start: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match="(?s).*") as refusal:
        compared_strategies([text], cold_start)
    assert message in str(refusal.value)


def test_parameters_make_another_arm(make_plan: Callable[..., Any]) -> None:
    plan = make_plan(compared=compared_strategies(["random,entropy,entropy:class_balanced=true"], "random"))
    assert len({arm.name for arm in plan.arms()}) == 6
