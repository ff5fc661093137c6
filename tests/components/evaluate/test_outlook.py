"""Saving and forecast as the report gets them."""

import json
from typing import Any

import pytest

from labelcycle.components.analysis.savings import Curve
from labelcycle.components.analysis.stop import CurvePoint
from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.campaign.cycle_metrics import AccuracyForecast, NoForecast
from labelcycle.components.core.config.recipe import Stop
from labelcycle.components.evaluate.projection_figures import forecast_figures, saving_figures


class Campaign:
    """The little of a campaign that is looked at."""

    budget = 400
    test_from_budget = 0
    prices = Prices(label=0.5, annotators_per_label=2)

    class recipe:
        stop = Stop()


def figures(*accuracy: float) -> AccuracyForecast | NoForecast:
    points = [CurvePoint(50 * (number + 1), value) for number, value in enumerate(accuracy)]
    campaign: Any = Campaign()
    found = forecast_figures(points, 500, campaign, Campaign.prices)
    json.dumps(found.as_json(), allow_nan=False)
    return found


def forecast(*accuracy: float) -> AccuracyForecast:
    found = figures(*accuracy)
    assert isinstance(found, AccuracyForecast)
    return found


def test_without_a_random_arm_there_is_no_saving() -> None:
    assert saving_figures(Curve([10], [0.5]), None, True) is None
    assert saving_figures(Curve([], []), Curve([10], [0.5]), True) is None


def test_the_saving_of_the_last_cycle_and_the_average() -> None:
    active, random = Curve([10, 20, 30], [0.3, 0.6, 0.7]), Curve([10, 30, 50, 90], [0.3, 0.5, 0.7, 0.8])
    found = saving_figures(active, random, True)
    assert found is not None
    assert (found.labels, found.accuracy) == (random.labels, random.accuracy)
    assert (found.equivalent_labels, found.sign) == (50, "")
    assert found.ratio == pytest.approx(0.4)
    assert found.average is not None and found.average.ratio == pytest.approx((0.5 + 0.4) / 2)
    assert (found.average.sign, found.average.censored_share) == ("", 0.0)


def test_the_first_cycle_alone_says_nothing_where_both_began_at_random() -> None:
    active, random = Curve([10], [0.3]), Curve([10, 30], [0.3, 0.5])
    alike, other = saving_figures(active, random, True), saving_figures(active, random, False)
    assert alike is not None and alike.average is None
    assert other is not None and other.average is not None


def test_the_forecast_goes_from_the_last_cycle_to_the_end_of_the_budget() -> None:
    found = forecast(0.4, 0.6, 0.68, 0.72)
    assert found.as_json()["reason"] is None
    assert [found.curve[0].answers, found.curve[-1].answers] == [200, 400]
    assert [found.curve[0].cost, found.curve[-1].cost] == [200.0, 400.0]
    accuracies = [point.accuracy for point in found.curve]
    assert accuracies == sorted(accuracies) and accuracies[0] >= 0.7


def test_the_next_targets_have_their_price() -> None:
    found = forecast(0.4, 0.6, 0.68, 0.72)
    assert [target.accuracy for target in found.targets] == [0.75, 0.8, 0.85]
    first = found.targets[0]
    assert first.answers > 200 and first.answers_cost == first.answers * 1.0
    assert first.low <= first.answers


def test_a_target_that_is_not_reached_takes_more_than_was_spent() -> None:
    """The curve runs above the last accuracy, as if 75 % had been reached already."""
    found = forecast(0.3, 0.55, 0.7, 0.748, 0.749, 0.74)
    assert found.targets[0].accuracy == 0.75
    assert all(target.low > 300 for target in found.targets if target.low is not None)
    assert found.targets[0].low_cost == found.targets[0].low


def test_a_campaign_whose_budget_is_spent_still_has_its_targets() -> None:
    found = forecast(0.4, 0.5, 0.6, 0.65, 0.7, 0.72, 0.74, 0.75)
    assert [point.answers for point in found.curve] == [400]
    assert found.targets


def test_why_there_is_no_forecast() -> None:
    assert figures(0.4, 0.5) == NoForecast(reason="a forecast needs 4 trained cycles, and there are 2 so far")


def test_what_a_hundred_more_bring() -> None:
    more = forecast(0.4, 0.6, 0.68, 0.72).more
    assert more is not None and (more.answers, more.cost) == (100, 100.0)
    assert more.low <= more.gain <= more.high and 0 < more.gain < 0.1


def test_the_price_of_the_campaigns_own_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Campaign.recipe, "stop", Stop(target=0.77))
    assert [target.accuracy for target in forecast(0.4, 0.6, 0.68, 0.72).targets] == [0.75, 0.77, 0.8, 0.85]
    monkeypatch.setattr(Campaign.recipe, "stop", Stop(target=0.77, metric="macro_f1"))
    assert [target.accuracy for target in forecast(0.4, 0.6, 0.68, 0.72).targets] == [0.75, 0.8, 0.85]


def test_the_random_arm_says_what_it_was_drawn_from() -> None:
    found = saving_figures(Curve([10], [0.3]), Curve([10, 30], [0.3, 0.5]), True, "a backtest")
    assert found is not None and found.source == "a backtest"
    silent = saving_figures(Curve([10], [0.3]), Curve([10, 30], [0.3, 0.5]), True)
    assert silent is not None and "source" not in silent.as_json()
