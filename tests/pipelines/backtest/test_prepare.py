"""From the user's request to a plan."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.config.query_choice import DropoutScorer
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.backtest.backtest_plan import BacktestPlan
from labelcycle.pipelines.backtest.prepare import BacktestRequest, prepare


@pytest.fixture
def planned(embeddings: Path, tmp_path: Path) -> Callable[..., BacktestPlan]:
    """A function: settings of the request → the plan, by default on the embeddings with two strategies."""

    def made(**settings: Any) -> BacktestPlan:
        given: dict[str, Any] = {"out": str(tmp_path / "out"), "strategies": ["random,entropy"], "batch": 8}
        if "root" not in settings:
            given["embeddings"] = str(embeddings)
        return prepare(BacktestRequest(**(given | settings)))

    return made


def test_defaults_are_those_of_the_recipe_and_of_what_fits(
    planned: Callable[..., BacktestPlan], capsys: pytest.CaptureFixture[str]
) -> None:
    plan = planned()
    assert plan.labels == [8, 16, 24, 32, 40, 48] and plan.seeds == 5
    assert "enough for 6 cycles" in capsys.readouterr().err
    assert plan.trainer.name == "logistic" and not plan.schedule.warm_start and plan.scorer == DropoutScorer()
    assert (plan.prices.label, plan.prices.annotators_per_label) == (1.0, 1)
    assert planned(batch=2, initial=5).labels == [5, 7, 9, 11, 13, 15, 17, 19, 21, 23]


def test_growing_batches_fit_into_the_pool_too(planned: Callable[..., BacktestPlan]) -> None:
    growing = {"overrides": {"schedule.batches_from": [[16, 12]]}}
    assert planned(**growing).labels == [8, 16, 28, 40]
    with pytest.raises(ConfigurationError, match="need 52 labels; the pool has 48. Ask for --cycles 4 or fewer"):
        planned(cycles=5, **growing)
    with pytest.raises(ConfigurationError, match="--batch 0"):
        planned(batch=0, initial=8)


def test_settings_reach_the_plan(planned: Callable[..., BacktestPlan]) -> None:
    plan = planned(
        cycles=2, seeds=3, label_price=0.5, annotators_per_label=3, compute_price=0.1, overrides={"trainer.scale": 7}
    )
    assert (len(plan.labels), plan.seeds, plan.prices.cpu_hour, plan.trainer.scale) == (2, 3, 0.1, 7)
    assert (plan.prices.label, plan.prices.annotators_per_label) == (0.5, 3)
    assert [compared.chooser.title for compared in plan.compared] == ["random", "entropy"]


@pytest.mark.parametrize(
    ("recipe", "trainer"),
    [("linear_probe", "linear"), ("dropquery", "dropquery"), ("svpp", "proxy"), ("logistic", "logistic")],
)
def test_every_trainer_on_features_can_be_backtested(
    planned: Callable[..., BacktestPlan], recipe: str, trainer: str
) -> None:
    plan = planned(recipe=recipe)
    assert plan.trainer.name == trainer
    assert BacktestPlan.model_validate_json(plan.model_dump_json()) == plan


def test_a_campaign_lends_its_settings(begin: Callable[..., Any], planned: Callable[..., BacktestPlan]) -> None:
    campaign = begin(batch=4, initial=6, label_price=2.0, overrides={"schedule.warm_start": False})
    for _ in range(4):
        campaign.run_cycle()
    plan = planned(root=campaign.root, batch=None)
    assert plan.labels == [6, 10, 14] and plan.prices.label == 2.0
    assert plan.trainer.epochs == 20 and not plan.schedule.warm_start
    assert plan.source == campaign.root
    assert planned(root=campaign.root, batch=3, cycles=2).labels == [3, 6]
    assert planned(root=campaign.root, recipe="linear_probe", batch=None).trainer.epochs == 50


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"embeddings": None}, "replays either a campaign's ROOT or --embeddings FILE"),
        ({"root": "somewhere", "embeddings": "file.npz"}, "replays either a campaign's ROOT or --embeddings FILE"),
        ({"batch": 50}, "--initial 50 and one --batch 50 are more labels than the 48 of the pool"),
        ({"initial": 44}, "--initial 44 and one --batch 8 are more labels than the 48 of the pool"),
        ({"cycles": 7}, "--cycles 7 need 56 labels; the pool has 48. Ask for --cycles 6 or fewer"),
        ({"recipe": "peal_entropy"}, "Recipe 'peal_entropy' trains by 'lora'; a backtest trains heads"),
        ({"recipe": "unknown"}, "There is no recipe 'unknown'"),
        ({"overrides": {"trainer.epoch": 3}}, "trainer.epoch: unknown setting"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    planned: Callable[..., BacktestPlan], tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        planned(**settings)
    assert message in str(refusal.value)
    assert not (tmp_path / "out").exists()


def test_settings_of_a_recipe_that_is_not_named(
    begin: Callable[..., Any], planned: Callable[..., BacktestPlan]
) -> None:
    with pytest.raises(ConfigurationError, match="--set needs a recipe to change"):
        planned(root=begin().root, overrides={"trainer.epochs": 3})
