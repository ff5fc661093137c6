"""Savings and forecast in words."""

from labelcycle.components.core.campaign.cycle_metrics import (
    AccuracyForecast,
    ExpectedAccuracy,
    MeanSaving,
    NoForecast,
    RandomArm,
)
from labelcycle.components.publish.report_text import forecast_targets, forecast_words, misfit_words, saving_words

RANDOM = RandomArm(labels=[40], accuracy=[0.5], equivalent_labels=120.0, ratio=0.25, sign="", average=None)


def test_a_saving_that_is_known_exactly() -> None:
    assert saving_words(RANDOM) == [
        "This accuracy would take 120 labels picked at random: 25% of the labels are saved."
    ]


def test_bounds_and_the_average_are_told() -> None:
    average = MeanSaving(ratio=0.3, sign="≤", censored_share=0.4)
    words = saving_words(RANDOM.model_copy(update={"sign": "≥", "average": average}))
    assert words[0].count("at least") == 2
    assert words[1] == "On average over the cycles at most 30% are saved."
    assert words[2].startswith("40% of the cycles lie beyond")


def test_without_a_random_arm_nothing_is_said() -> None:
    assert saving_words(None) == []


def test_the_end_of_the_budget() -> None:
    point = ExpectedAccuracy(answers=400, cost=400.0, accuracy=0.85, low=0.8, high=0.9)
    found = forecast_words(AccuracyForecast(reason=None, share=0.8, ceiling=0.93, curve=[point], targets=[]))
    assert found == "The budget ends here. The curve so far heads for 93% with any number of labels."


def test_no_targets_without_a_forecast() -> None:
    assert forecast_targets(NoForecast(reason="too early")) == []
    assert forecast_words(NoForecast(reason="too early")) == "No forecast: too early."


def test_an_accuracy_off_the_fitted_curve_is_told() -> None:
    point = ExpectedAccuracy(answers=300, cost=300.0, accuracy=0.85, low=0.8, high=0.9)
    found = AccuracyForecast(reason=None, share=0.8, ceiling=0.93, curve=[point], targets=[])
    assert misfit_words(found, 0.87).startswith("The last accuracy lies 2.0 points above the curve")
    assert misfit_words(found, 0.83).startswith("The last accuracy lies 2.0 points below the curve")
    assert misfit_words(found, 0.855) == misfit_words(found, None) == misfit_words(NoForecast(reason="no"), 0.5) == ""


def test_where_the_random_picks_come_from_is_told() -> None:
    words = saving_words(RANDOM.model_copy(update={"source": "a backtest of something"}))
    assert words[-1] == "The random picks are those of a backtest of something."
