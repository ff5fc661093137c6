"""Sentences of the report: savings and forecast, the headline figures, testing, corrections and classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labelcycle.components.analysis.intervals import wilson_interval
from labelcycle.components.core.campaign.cycle_metrics import (
    AccuracyForecast,
    CycleMetrics,
    NoForecast,
    RandomArm,
    Sign,
)
from labelcycle.components.core.campaign.estimate import (
    CROSS_VALIDATED,
    NOT_MEASURED,
    TOO_LOW,
    AccuracyEstimate,
    NoEstimate,
)
from labelcycle.components.core.campaign.price_history import LabelPrices
from labelcycle.components.core.campaign.summary import CycleSummary

BOUNDS: dict[Sign, str] = {"": "", "≥": "at least ", "≤": "at most ", "~": "about "}


@dataclass(frozen=True)
class AccuracyTarget:
    """An accuracy ahead, and in words the answers and the cost that it takes."""

    accuracy: float
    answers: str
    cost: str


def saving_words(random: RandomArm | None) -> list[str]:
    """What was saved against random picks, in sentences; none where these are not known."""
    if random is None:
        return []
    bound = BOUNDS[random.sign]
    words = [
        f"This accuracy would take {bound}{random.equivalent_labels:,.0f} labels picked at random: "
        f"{bound}{random.ratio:.0%} of the labels are saved."
    ]
    average = random.average
    if average is not None:
        words.append(f"On average over the cycles {BOUNDS[average.sign]}{average.ratio:.0%} are saved.")
        if average.censored_share:
            words.append(f"{average.censored_share:.0%} of the cycles lie beyond what random picks were seen to reach.")
    if random.source is not None:
        words.append(f"The random picks are those of {random.source}.")
    return words


def forecast_words(forecast: AccuracyForecast | NoForecast) -> str:
    """Where the curve is heading, in a sentence; or why nothing can be said."""
    if isinstance(forecast, NoForecast):
        return f"No forecast: {forecast.reason}."
    first, last = forecast.curve[0], forecast.curve[-1]
    if first.answers == last.answers:
        return f"The budget ends here. The curve so far heads for {forecast.ceiling:.0%} with any number of labels."
    return (
        f"With the whole budget, {last.answers:,} labels for {last.cost:,.2f}, the accuracy is expected to be "
        f"{last.accuracy:.1%}, and between {last.low:.1%} and {last.high:.1%} in {forecast.share:.0%} of like cases."
    )


def misfit_words(forecast: AccuracyForecast | NoForecast | None, accuracy: float | None) -> str:
    """By how much the last accuracy lies off the fitted curve, in a sentence; empty where that is little."""
    if not isinstance(forecast, AccuracyForecast) or accuracy is None:
        return ""
    off = round(accuracy - forecast.curve[0].accuracy, 4)
    if abs(off) < LEAST_MISFIT:
        return ""
    side = "above" if off > 0 else "below"
    return f"The last accuracy lies {100 * abs(off):.1f} points {side} the curve that was fitted to all cycles."


LEAST_MISFIT = 0.01
"""An accuracy that is nearer to the fitted curve lies on it."""


def forecast_targets(forecast: AccuracyForecast | NoForecast) -> list[AccuracyTarget]:
    """The next accuracies with what they take; none where there is no forecast."""
    if isinstance(forecast, NoForecast):
        return []
    return [
        AccuracyTarget(
            target.accuracy,
            _range(target.answers, target.low, target.high, ",.0f"),
            _range(target.answers_cost, target.low_cost, target.high_cost, ",.2f"),
        )
        for target in forecast.targets
    ]


def _range(likely: float | None, low: float | None, high: float | None, form: str) -> str:
    if low is None:
        return "out of reach"
    least = format(low, form)
    if likely is None:
        return f"at least {least}"
    return f"{format(likely, form)} ({least} " + ("or more)" if high is None else f"to {format(high, form)})")


@dataclass(frozen=True)
class Headline:
    """One figure: its name, value, change since the cycle before where there is one, and which way it went.

    `direction` is `better`, `worse` or `same`. `note` says what the figure is, where it has no change.
    """

    name: str
    value: str
    change: str
    direction: str
    note: str = ""


def headlines(metrics: CycleMetrics, before: CycleSummary | None, prices: LabelPrices) -> list[Headline]:
    """The cycle's figures; each with its change, and whether that is for the better or the worse.

    Args:
        metrics: the cycle's.
        before: the trained cycle before; None where this is the first.
        prices: of the answers so far.
    """
    spent = None if before is None else metrics.label_cost - prices.of_labels(before.answers)
    accuracy, macro_f1, ece = (before.accuracy, before.macro_f1, before.ece) if before else (None, None, None)
    cost = Headline("Label cost", f"{metrics.label_cost:,.2f}", "" if spent is None else f"{spent:+,.2f}", "same")
    if metrics.accuracy is None or metrics.macro_f1 is None or metrics.ece is None:
        return [_instead_of_accuracy(metrics.estimate), cost]
    return [
        _headline("Accuracy", metrics.accuracy, accuracy, higher_is_better=True),
        _headline("Macro F1", metrics.macro_f1, macro_f1, higher_is_better=True),
        _headline("Calibration error (ECE)", metrics.ece, ece, higher_is_better=False),
        cost,
    ]


def _instead_of_accuracy(estimate: AccuracyEstimate | NoEstimate | None) -> Headline:
    """What is said where there is nothing to test with."""
    if not isinstance(estimate, AccuracyEstimate):
        return Headline("Accuracy", NOT_MEASURED, "", "same", "" if estimate is None else estimate.reason)
    note = f"{estimate.low:.1%} to {estimate.high:.1%}, of {estimate.labels:,} labels to learn from; no test set"
    note += f"; {TOO_LOW}" if estimate.chosen else ""
    return Headline(f"Accuracy, {CROSS_VALIDATED}", f"{estimate.accuracy:.1%}", "", "same", note)


def testing_words(metrics: CycleMetrics, before: CycleSummary | None, wanted: int) -> list[str]:
    """How many samples the model was tested with, and what that means, in sentences; none for a test set that stays.

    Args:
        metrics: the cycle's.
        before: the trained cycle before; None where this is the first.
        wanted: samples that people label to test with.
    """
    if metrics.accuracy is None:
        why = "None of the samples to test with has a label yet" if wanted else "There is no test set"
        if not isinstance(metrics.estimate, AccuracyEstimate):
            return [f"{why}: accuracy is {NOT_MEASURED}."]
        return [f"{why}: {ESTIMATED}{HARD if metrics.estimate.chosen else '.'}"]
    if metrics.test_set is None:
        return []
    low, high = wilson_interval(round(metrics.accuracy * metrics.test_samples), metrics.test_samples)
    words = [
        f"Accuracy is of {metrics.test_samples:,} of {wanted:,} samples to test with: between {low:.1%} and {high:.1%} "
        "in 95 of 100 cases."
    ]
    earlier = 0 if before is None else before.test_samples or 0
    if before is not None and earlier != metrics.test_samples:
        words.append(f"The test set had {earlier:,} samples in the cycle before, {NOT_THE_MODEL_ALONE}")
    if count := metrics.test_labels_corrected:
        those = "1 test label was" if count == 1 else f"{count:,} test labels were"
        words.append(f"{those} corrected since the cycle before, {NOT_THE_MODEL_ALONE}")
    return words


NOT_THE_MODEL_ALONE = "so the changes are not of the model alone."


def correction_words(metrics: CycleMetrics, other_classes: bool = False) -> list[str]:
    """Whether earlier models were measured again, and how many labels to learn from were corrected, in sentences.

    Args:
        metrics: the cycle's.
        other_classes: whether the cycle before had other classes.
    """
    count = (metrics.labels_corrected or 0) - (metrics.test_labels_corrected or 0)
    words = []
    if metrics.remeasured:
        models = "model of the cycle" if metrics.remeasured == 1 else f"{metrics.remeasured:,} models of the cycles"
        were = "was" if metrics.remeasured == 1 else "were"
        what = "The test set or the classes have" if other_classes else "The test set has"
        words.append(f"{what} changed: the {models} before this one {were} measured again.")
    if count:
        words.append(f"{count:,} earlier label{' was' if count == 1 else 's were'} corrected, of those to learn from.")
    return words


def class_words(
    before: Sequence[str], now: Sequence[str], class_of: Callable[[str], str], remeasured: bool
) -> list[str]:
    """What became of the classes since the cycle before, in a sentence; none where they are the same.

    Args:
        before: those of the cycle before.
        now: those of the cycle.
        class_of: what an earlier class is now.
        remeasured: whether earlier models were measured again by the present classes.
    """
    parts: dict[str, list[str]] = {name: [] for name in now}
    for name in before:
        parts[class_of(name)].append(name)
    merged = [f"{', '.join(old)} are {name}" for name, old in parts.items() if len(old) > 1]
    renamed = [f"{old[0]} is called {name}" for name, old in parts.items() if len(old) == 1 and old[0] != name]
    added = [f"{name} was added" for name, old in parts.items() if not old]
    if not (merged or renamed or added):
        return []
    other = not remeasured and (merged or added)
    words = f"Classes were amended: {'; '.join([*merged, *renamed, *added])}"
    reading = f" Earlier points are by the classes of their time, {NOT_THE_MODEL_ALONE}" if other else ""
    return [f"{words}.{reading}"]


ESTIMATED = "accuracy is estimated by a simple model that is tested on labels which it has not learnt from"
HARD = ". They are of samples that a strategy chose, hard and unlike each other, so the estimate is far too low."


def _headline(name: str, now: float, before: float | None, higher_is_better: bool) -> Headline:
    if before is None:
        return Headline(name, f"{now:.1%}", "", "same")
    points = round(100 * (now - before), 1)
    better = points > 0 if higher_is_better else points < 0
    direction = "same" if points == 0 else "better" if better else "worse"
    return Headline(name, f"{now:.1%}", f"{points + 0.0:+.1f} points", direction)
