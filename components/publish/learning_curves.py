"""Learning curves: accuracy and macro F1 by labels; accuracy by cost, with the forecast to the end of the budget."""

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from labelcycle.components.core.campaign.cycle_metrics import AccuracyForecast, NoForecast, RandomArm
from labelcycle.components.core.campaign.estimate import CROSS_VALIDATED, AccuracyEstimate
from labelcycle.components.core.campaign.price_history import LabelPrices
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.publish.charts import FAINT, FINE, FONT, INK, PAGE_WIDTH, as_png, blank_figure

TEXT_SIZE = 10
"""In points; still legible where the figure is shrunk to the width of a phone."""
ESTIMATES = "#8250df"
SMALLEST_SPAN = 0.1
"""The least part of the scale that is shown, so that noise does not look like a leap."""


def draw_learning_curve(summaries: list[CycleSummary], random: RandomArm | None = None) -> bytes:
    """Draw accuracy and macro F1 of every trained cycle over its labels, and the final model apart from the curves.

    Cross-validated estimates are a curve of their own, with their intervals, never joined to accuracies of a test set.

    Args:
        summaries: one a cycle, in order; cycles that trained no model are left out.
        random: what random picks reach, dashed and black; None where they are not known.

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
        axes.plot(labels, accuracy, color="#0969da", marker="o", linewidth=2, markersize=6, label="accuracy")
        axes.plot(
            labels, macro_f1, color="#bc4c00", marker="s", linewidth=2, markersize=5, label="macro F1", linestyle="--"
        )
    if random is not None:
        axes.plot(random.labels, random.accuracy, color=INK, linestyle="--", linewidth=1.5, marker=".", label="random")
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
    ]
    counts = [*labels, *(count for count, _ in [*finals, *estimates]), *others[0]]
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


COLOUR = "#0969da"


def draw_cost(
    summaries: list[CycleSummary], forecast: AccuracyForecast | NoForecast | None, prices: LabelPrices, budget: int
) -> bytes:
    """Draw test accuracy over label cost, the forecast dashed with its range, and the end of the budget.

    Args:
        summaries: one a cycle, in order; those without a model and the final model are left out.
        forecast: as evaluate finds it; drawn where there is one.
        prices: of labels; where they cost nothing, the axis counts them.
        budget: labels that may be paid for.

    Returns:
        A PNG of 768×528 pixels, the same bytes for the same figures.
    """
    free = prices.of_labels(1) == 0
    trained = [summary for summary in summaries if summary.accuracy is not None and not summary.final]
    figure, axes = blank_figure(PAGE_WIDTH, 3.3, FINE)
    spent = [float(one.answers) if free else prices.of_labels(one.answers) for one in trained]
    axes.plot(
        spent,
        [one.accuracy or 0.0 for one in trained],
        color=COLOUR,
        marker="o",
        linewidth=2,
        markersize=6,
        label="accuracy",
    )
    if isinstance(forecast, AccuracyForecast):
        ahead = forecast.curve
        at = [point.answers if free else point.cost for point in ahead]
        low, high = [point.low for point in ahead], [point.high for point in ahead]
        axes.fill_between(at, low, high, color=COLOUR, alpha=0.15, linewidth=0, label=f"{forecast.share:.0%} range")
        axes.plot(at, [point.accuracy for point in ahead], color=COLOUR, linestyle="--", linewidth=2, label="forecast")
    end = float(budget) if free else prices.of_labels(budget)
    axes.axvline(end, color=INK, linestyle=":", linewidth=1.2, label="budget")
    axes.set_xlim(0, 1.04 * max([end, *spent]))
    axes.set_xlabel("labels paid for" if free else "cost of labels", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.tick_params(labelsize=TEXT_SIZE)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(
        loc="outside upper left",
        ncols=2,
        handlelength=2,
        frameon=False,
        labelcolor=INK,
        prop={"family": FONT, "size": TEXT_SIZE - 1},
    )
    return as_png(figure)
