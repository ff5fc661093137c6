"""The stop rule: when it fires, what it says, and how a campaign ends by it."""

from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.analysis.stop import CurvePoint, reason_to_stop
from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.config.recipe import Stop

PLATEAU = Stop(plateau_cycles=2, plateau_gain=0.01)
WORTH = Stop(worth_of_a_point=5.0, worth_cycles=2)


def points(*accuracies: float) -> list[CurvePoint]:
    """Ten answers a cycle."""
    return [CurvePoint(10 * number, accuracy) for number, accuracy in enumerate(accuracies, 1)]


@pytest.mark.parametrize(
    ("accuracies", "stop", "prices", "word"),
    [
        ([0.5, 0.5, 0.5, 0.5], Stop(), Prices(), None),
        ([0.9], PLATEAU, Prices(), None),
        ([0.9, 0.9], PLATEAU, Prices(), None),
        ([0.9, 0.9, 0.9], PLATEAU, Prices(), "plateau"),
        ([0.9, 0.905, 0.909], PLATEAU, Prices(), "plateau"),
        ([0.9, 0.905, 0.91], PLATEAU, Prices(), None),  # exactly the gain that is asked for
        ([0.9, 0.91, 0.905], PLATEAU, Prices(), None),  # the last cycle is worse, the best rose enough
        ([0.9, 0.7, 0.89], PLATEAU, Prices(), "plateau"),  # it rises, but not beyond the best
        ([0.2, 0.9, 0.9, 0.9], PLATEAU, Prices(), "plateau"),
        ([0.5, 0.5], Stop(plateau_cycles=1, plateau_gain=0), Prices(), "plateau"),
        ([0.5, 0.5001], Stop(plateau_cycles=1, plateau_gain=0), Prices(), None),
        ([0.5, 0.55], WORTH, Prices(), None),
        ([0.5, 0.52, 0.54], WORTH, Prices(), None),  # 4 points are worth 20, as much as the 20 answers cost
        ([0.5, 0.52, 0.53], WORTH, Prices(), "labels cost more"),
        ([0.5, 0.6, 0.7], WORTH, Prices(annotators_per_label=6), "labels cost more"),
        ([0.5, 0.6, 0.7], WORTH, Prices(label=6), "labels cost more"),
        ([0.5, 0.6, 0.7], WORTH, Prices(cpu_hour=1e9, gpu_hour=1e9), None),  # computing is left out
        ([0.5, 0.5, 0.5], WORTH, Prices(label=0), None),  # what costs nothing is worth its price
        ([0.1, 0.5, 0.5], Stop(worth_of_a_point=5.0, worth_cycles=1), Prices(), "labels cost more"),
        ([0.9, 0.89], Stop(target=0.9), Prices(), None),  # the newest model is the one that is kept
        ([0.9], Stop(target=0.9), Prices(), "the accuracy is 0.9000, and 0.9 is wanted (stop.target)"),
        ([0.9], Stop(target=0.9, metric="macro_f1"), Prices(), "the macro F1 is 0.9000"),
    ],
)
def test_the_rule(accuracies: list[float], stop: Stop, prices: Prices, word: str | None) -> None:
    reason = reason_to_stop(points(*accuracies), stop, prices)
    assert reason is None if word is None else reason is not None and word in reason


def test_the_reasons_name_figures_and_settings() -> None:
    assert reason_to_stop(points(0.9, 0.902, 0.904), PLATEAU, Prices()) == (
        "a plateau: the best accuracy rose by 0.40 points in the last 2 cycles, which had to bring 1.00 points "
        "(stop.plateau_gain)"
    )
    assert reason_to_stop(points(0.9, 0.902, 0.904), WORTH, Prices(label=2)) == (
        "labels cost more than they bring: those of the last 2 cycles cost 40.00 and raised the best accuracy by "
        "0.40 points, worth 2.00 (stop.worth_of_a_point)"
    )


def test_skipped_answers_cost_too() -> None:
    """Ten usable answers of a hundred paid for: 1 point is worth 20, and 100 answers cost more."""
    rule = Stop(worth_of_a_point=20, worth_cycles=1)
    assert reason_to_stop([CurvePoint(0, 0.5), CurvePoint(100, 0.51)], rule, Prices()) is not None
    assert reason_to_stop([CurvePoint(0, 0.5), CurvePoint(10, 0.51)], rule, Prices()) is None


EASY = {"stop.plateau_cycles": 1, "stop.plateau_gain": 1.0}
"""No cycle can bring a gain of 100 points, so the second trained cycle ends the campaign."""


def test_a_campaign_stops_before_its_budget_is_spent(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=48, overrides=EASY)
    for _ in range(3):
        facts = campaign.run_cycle()
    state = campaign.state
    reason = campaign.work.read_json("metrics.json")["stop"]
    assert reason.startswith("a plateau: ")
    assert (facts.query_size, facts.handout, state.phase) == (0, "", "done")
    assert state.summaries[-1].stopped == reason
    assert state.why_done == f"the stop rule ended it after 16 of 48 labels: {reason}"
    assert [summary.stopped for summary in state.summaries[:-1]] == [None, None]
    assert not any(key.startswith("queries/cycle-0002") for key in campaign.files())
    assert f"the stop rule ended the campaign here: {reason}" in campaign.work.read("report.html").decode()
    assert campaign.ingest().reason == state.why_done


def test_macro_f1_as_target(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=48, overrides={"stop.metric": "macro_f1", "stop.target": 0.01})
    campaign.run_cycle()
    facts = campaign.run_cycle()
    assert facts.query_size == 0
    assert campaign.state.summaries[-1].stopped.startswith("the macro F1 is ")


def test_a_campaign_that_gains_enough_goes_on_to_its_budget(begin: Callable[..., Any]) -> None:
    campaign = begin(label_price=0.0, overrides={"stop.worth_of_a_point": 1.0, "stop.worth_cycles": 1})
    for _ in range(4):
        campaign.run_cycle()
    assert campaign.state.why_done == "the budget of 24 labels is spent"
    assert all(summary.stopped is None for summary in campaign.state.summaries)


def test_where_the_budget_ends_a_campaign_the_rule_says_nothing(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=16, overrides=EASY)
    for _ in range(3):
        campaign.run_cycle()
    assert campaign.work.read_json("metrics.json")["stop"] is None
    assert campaign.state.why_done == "the budget of 16 labels is spent"


def test_a_cycle_that_stopped_is_the_same_when_run_again(begin: Callable[..., Any]) -> None:
    campaign = begin(budget=48, overrides=EASY)
    for _ in range(3):
        campaign.run_cycle()
    before = campaign.files()
    for stage in ("evaluate", "select", "publish"):
        campaign.run(stage)
    assert campaign.files() == before
    assert campaign.state.summaries[-1].query_size == 0
