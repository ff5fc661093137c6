"""The learning curve: accuracy and macro F1 by labels, random picks beside them, and the forecast.

Every curve has a line style and a marker of its own, so that they can be told apart in black and white.
"""

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from labelcycle.components.core.campaign.cycle_metrics import (
    AccuracyForecast,
    ExpectedAccuracy,
    NoForecast,
    RandomArm,
)
from labelcycle.components.core.campaign.estimate import CROSS_VALIDATED, AccuracyEstimate
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.publish.charts import FAINT, FINE, FONT, INK, PAGE_WIDTH, as_png, blank_figure

TEXT_SIZE = 10
"""In points; still legible where the figure is shrunk to the width of a phone."""
ACCURACY, ESTIMATES = "#0969da", "#8250df"
MOST_AHEAD = 2.5
"""The figure goes on to so many times the labels of the last cycle at most."""
SMALLEST_SPAN = 0.1
"""The least part of the scale that is shown, so that noise does not look like a leap."""


def draw_learning_curve(
    summaries: list[CycleSummary],
    random: RandomArm | None = None,
    forecast: AccuracyForecast | NoForecast | None = None,
    budget: int | None = None,
) -> bytes:
    """Draw accuracy and macro F1 of every trained cycle over its labels, and the final model apart from the curves.

    Cross-validated estimates are a curve of their own, with their intervals, never joined to accuracies of a test set.
    The forecast goes on from the last cycle as if every answer to come were a label to learn from; of a long budget
    only the part is shown that is not much longer than the curve so far.

    Args:
        summaries: one a cycle, in order; cycles that trained no model are left out.
        random: what random picks reach; None where they are not known.
        forecast: as evaluate finds it, with its range; drawn where there is one.
        budget: labels that may be paid for; its end is marked where it lies within the figure.

    Returns:
        A PNG of 768×528 pixels, the same bytes for the same summaries.
    """
    trained = [summary for summary in summaries if summary.accuracy is not None and not summary.final]
    finals = [
        (summary.labels, summary.accuracy) for summary in summaries if summary.accuracy is not None and summary.final
    ]
    labels = [summary.labels for summary in trained]
    accuracy = [summary.accuracy for summary in trained if summary.accuracy is not None]
    macro_f1 = [float("nan") if summary.macro_f1 is None else summary.macro_f1 for summary in trained]
    figure, axes = blank_figure(PAGE_WIDTH, 3.3, FINE)
    estimated = [(summary.labels, summary.estimate) for summary in summaries]
    estimates = [(count, found) for count, found in estimated if isinstance(found, AccuracyEstimate)]
    if trained or not estimates:
        axes.plot(labels, accuracy, color=ACCURACY, marker="o", linewidth=2, markersize=6, label="accuracy")
        axes.plot(
            labels,
            macro_f1,
            color="#bc4c00",
            marker="s",
            markerfacecolor="white",
            linewidth=1.5,
            markersize=5,
            label="macro F1",
            linestyle="--",
        )
    if random is not None:
        axes.plot(random.labels, random.accuracy, color=INK, linestyle="-.", linewidth=1.5, marker="^", label="random")
    ahead: list[ExpectedAccuracy] = []
    if isinstance(forecast, AccuracyForecast) and (ahead := _ahead(trained, forecast)):
        _draw_forecast(axes, ahead, forecast.share)
    if estimates:
        at, middle = [count for count, _ in estimates], [found.accuracy for _, found in estimates]
        ends = [
            [found.accuracy - found.low for _, found in estimates],
            [found.high - found.accuracy for _, found in estimates],
        ]
        axes.errorbar(at, middle, ends, color=ESTIMATES, marker="D", mfc="white", linestyle=":", label=CROSS_VALIDATED)
    if finals:
        axes.plot(
            *zip(*finals, strict=True), color="#1a7f37", marker="*", linestyle="", markersize=13, label="final model"
        )
    others = ([], []) if random is None else (random.labels, random.accuracy)
    shown = [
        *accuracy,
        *(end for _, found in estimates for end in (found.low, found.high)),
        *macro_f1,
        *(value for _, value in finals),
        *others[1],
        *(end for point in ahead for end in (point.low, point.high)),
    ]
    counts = [*labels, *(count for count, _ in [*finals, *estimates]), *others[0], *(point.answers for point in ahead)]
    end = _end_of_budget(trained, budget)
    if end is not None and end <= MOST_AHEAD * max(counts, default=0):
        axes.axvline(end, color=INK, linestyle=":", linewidth=1.2, label="budget")
        counts.append(end)
    _frame(axes, counts, [value for value in shown if value == value])
    axes.set_xlabel("labels", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.tick_params(labelsize=TEXT_SIZE)
    figure.legend(
        loc="outside upper left",
        ncols=3,
        handlelength=2,
        frameon=False,
        labelcolor=INK,
        prop={"family": FONT, "size": TEXT_SIZE},
    )
    return as_png(figure)


def _ahead(trained: list[CycleSummary], forecast: AccuracyForecast) -> list[ExpectedAccuracy]:
    """The forecast's points that are shown, by labels in place of answers; none where there is nothing ahead."""
    if not trained:
        return []
    last = trained[-1]
    most = MOST_AHEAD * last.labels
    points = [
        point.model_copy(update={"answers": last.labels + point.answers - last.answers}) for point in forecast.curve
    ]
    shown = [point for point in points if point.answers <= most]
    return shown if len(shown) > 1 else []


def _end_of_budget(trained: list[CycleSummary], budget: int | None) -> int | None:
    """How many labels there are at the end of the budget, if every answer to come is one."""
    return None if budget is None or not trained else trained[-1].labels + budget - trained[-1].answers


def _draw_forecast(axes: Axes, ahead: list[ExpectedAccuracy], share: float) -> None:
    at = [point.answers for point in ahead]
    low, high = [point.low for point in ahead], [point.high for point in ahead]
    axes.plot(at, [point.accuracy for point in ahead], color=ACCURACY, linestyle=":", linewidth=2, label="forecast")
    range_in_words = f"{share:.0%} range"
    axes.fill_between(
        at, low, high, facecolor="none", edgecolor=ACCURACY, alpha=0.45, linewidth=0, hatch="////", label=range_in_words
    )


def _frame(axes: Axes, labels: list[int], shares: list[float]) -> None:
    """Limits that hold all points, also a single one, and whole labels and percentages along the sides."""
    first, last = min(labels, default=0), max(labels, default=1)
    margin = max(1.0, 0.06 * (last - first))
    axes.set_xlim(first - margin, last + margin)
    lowest, highest = min(shares, default=0.0), max(shares, default=1.0)
    middle = (lowest + highest) / 2
    half = max(SMALLEST_SPAN / 2, 0.6 * (highest - lowest))
    axes.set_ylim(max(-0.02, middle - half), min(1.02, middle + half))
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
