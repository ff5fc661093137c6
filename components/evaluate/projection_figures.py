"""Labels saved so far and accuracy that more labels will bring, for the report.

Savings need a random arm: a backtest that lies in the campaign's root.
"""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from labelcycle.components.analysis.projection import QUANTILES, Expected, Forecast, forecast
from labelcycle.components.analysis.savings import Curve, Saving, average_saving, savings
from labelcycle.components.analysis.stop import CurvePoint
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.cycle_metrics import (
    AccuracyForecast,
    ExpectedAccuracy,
    ExpectedGain,
    MeanSaving,
    NeededAnswers,
    NoForecast,
    RandomArm,
)
from labelcycle.components.core.campaign.price_history import LabelPrices
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import table_in

MILESTONES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99)
"""Accuracies that the forecast says the price of, the next few above what is reached."""

MOST_MILESTONES = 3
MORE = 100
"""Answers more than there are, for which the forecast says what they bring."""

STEPS = 12
"""Points of the curve between the last cycle and the end of the budget."""


def saving_figures(
    active: Curve, random: Curve | None, begins_at_random: bool, source: str | None = None
) -> RandomArm | None:
    """The random arm and what was saved against it; None without one, or without any cycle.

    Args:
        active: labels and accuracy of every trained cycle.
        random: the random arm.
        begins_at_random: whether the campaign's first labels were drawn at random too, so that its first cycle says
            nothing about the strategy.
        source: what the random arm was drawn from, as `random_source` says it.
    """
    if random is None or not active.labels:
        return None
    found = savings(active, random)
    chosen = found[1 if begins_at_random else 0 :]
    last = found[-1]
    return RandomArm(
        labels=random.labels,
        accuracy=random.accuracy,
        equivalent_labels=last.equivalent_labels,
        ratio=last.ratio,
        sign=last.sign,
        average=_average(chosen) if chosen else None,
        **({} if source is None else {"source": source}),
    )


def _average(points: Sequence[Saving]) -> MeanSaving:
    average = average_saving(points)
    return MeanSaving(ratio=average.ratio, sign=average.sign, censored_share=average.censored_share)


def forecast_figures(
    points: Sequence[CurvePoint], test_samples: int, campaign: Campaign, prices: LabelPrices
) -> AccuracyForecast | NoForecast:
    """The forecast for the rest of the budget.

    Args:
        points: every trained cycle, in order.
        test_samples: what accuracy is measured on.
        campaign: its budget, and how many of the answers are paid for to test with.
        prices: of the answers so far and of those to come.

    Returns:
        The forecast, or why there is none.
    """
    if not test_samples:
        return NoForecast(reason="a forecast needs accuracies that a test set measured")
    paid_to_test = campaign.test_from_budget
    learnt = [CurvePoint(max(1, point.answers - paid_to_test), point.accuracy) for point in points]
    found = forecast(learnt, test_samples)
    if isinstance(found, str):
        return NoForecast(reason=found)
    best = max(point.accuracy for point in points)
    wanted = {accuracy for accuracy in MILESTONES if accuracy > best}
    wanted = set(sorted(wanted)[:MOST_MILESTONES]) | _campaigns_own(campaign, best)
    last = points[-1].answers
    ahead = sorted({last + round((campaign.budget - last) * step / STEPS) for step in range(STEPS + 1)})
    return AccuracyForecast(
        reason=None,
        share=QUANTILES[1] - QUANTILES[0],
        ceiling=_rounded(found.ceiling),
        curve=[_expected(found.accuracy_at(max(1, answers - paid_to_test)), paid_to_test, prices) for answers in ahead],
        targets=[_needed(found, accuracy, last, paid_to_test, prices) for accuracy in sorted(wanted)],
        more=_gain(found, last, prices),
    )


def _campaigns_own(campaign: Campaign, best: float) -> set[float]:
    """The target of the stop rule, where it is of the accuracy and was never reached."""
    stop = campaign.recipe.stop
    return {stop.target} if stop.metric == "accuracy" and stop.target is not None and stop.target > best else set()


def _gain(found: Forecast, last: int, prices: LabelPrices) -> ExpectedGain | None:
    """What the next answers bring, whether or not the budget has them."""
    gain = found.gain_of(MORE)
    if gain is None:
        return None
    return ExpectedGain(
        answers=MORE,
        cost=prices.of_labels(last + MORE) - prices.of_labels(last),
        gain=_rounded(gain.accuracy),
        low=_rounded(gain.low),
        high=_rounded(gain.high),
    )


def _expected(expected: Expected, paid_to_test: int, prices: LabelPrices) -> ExpectedAccuracy:
    """The figures by answers that are paid for, those of the test samples among them."""
    answers = expected.answers + paid_to_test
    return ExpectedAccuracy(
        answers=answers,
        cost=prices.of_labels(answers),
        accuracy=_rounded(expected.accuracy),
        low=_rounded(expected.low),
        high=_rounded(expected.high),
    )


def _needed(found: Forecast, accuracy: float, last: int, paid_to_test: int, prices: LabelPrices) -> NeededAnswers:
    """What a target takes that the last cycle has not reached: more answers than it had, whatever the curve says."""
    needed = found.answers_for(accuracy)
    likely, low, high = (
        None if answers is None else max(answers + paid_to_test, last + 1)
        for answers in (needed.answers, needed.low, needed.high)
    )

    def cost(answers: int | None) -> float | None:
        return None if answers is None else prices.of_labels(answers)

    return NeededAnswers(
        accuracy=accuracy,
        answers=likely,
        answers_cost=cost(likely),
        low=low,
        low_cost=cost(low),
        high=high,
        high_cost=cost(high),
    )


def _rounded(value: float) -> float:
    """To four digits, so that the last bits of sums do not show."""
    return round(value, 4)


RESULTS = "backtest/results.parquet"
"""Where `labelcycle backtest … --out ROOT/backtest` leaves its results."""

STRATEGY = "random"


SUMMARY = "backtest/summary.json"
"""What it says beside them, the classes among it."""


def read_random_arm(store: Store, campaign: Campaign) -> Curve | None:
    """The mean learning curve of the random arm, over its seeds; None where the root has no backtest with one.

    A file that cannot be read is reported and counts as missing, and so does a backtest by the classes that an amended
    campaign had before some were merged or added.
    """
    if not store.exists(RESULTS):
        return None
    if campaign.is_amended and not _of_present_classes(store, campaign):
        notice(f"{store.locate(RESULTS)} is by other classes than the campaign's present ones: no random arm is shown.")
        return None
    try:
        table = table_in(store.read(RESULTS), ["strategy", "labels", "accuracy"])
        rows = [row for row in table.to_pylist() if row["strategy"] == STRATEGY]
        labels = sorted({int(row["labels"]) for row in rows})
        means = [float(np.mean([row["accuracy"] for row in rows if row["labels"] == count])) for count in labels]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        notice(f"{store.locate(RESULTS)} has no results of a backtest, so no random arm is shown: {error}")
        return None
    return Curve(labels, means) if labels else None


EMBEDDINGS = (".npz", ".parquet")
"""Endings of what a backtest replays where that is not a campaign."""


def random_source(store: Store) -> str:
    """What the random arm of the backtest in the root was drawn from, in words."""
    try:
        source = str(json.loads(store.read(SUMMARY))["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return "a backtest that does not say what it drew from"
    if source.endswith(EMBEDDINGS):
        return "a backtest of embeddings with labels, which compares where features and test set are the campaign's"
    return (
        "a backtest of the labels that a campaign had collected; where a strategy had chosen these, random picks of "
        "them are no random picks of the pool"
    )


def _of_present_classes(store: Store, campaign: Campaign) -> bool:
    """Whether the backtest was by the classes as they are now; one that does not say is taken for it."""
    try:
        classes = json.loads(store.read(SUMMARY))["classes"]
    except (OSError, ValueError, KeyError, TypeError):
        return True
    return not isinstance(classes, list) or sorted(campaign.class_of(str(name)) for name in classes) == sorted(
        campaign.classes
    )
