"""Accuracy over what the labels have cost, and where the forecast sees it going until the budget is spent."""

from typing import Any

from matplotlib.ticker import PercentFormatter

from labelcycle.components.core.campaign import Prices
from labelcycle.components.core.state import CycleSummary
from labelcycle.components.publish.figures import FAINT, FINE, FONT, INK, PAGE_WIDTH, as_png, blank_figure

TEXT_SIZE = 10
COLOUR = "#0969da"


def draw_cost(summaries: list[CycleSummary], forecast: dict[str, Any] | None, prices: Prices, budget: int) -> bytes:
    """Draw test accuracy over label cost, the forecast dashed with its range, and the end of the budget.

    Args:
        summaries: one a cycle, in order; those without a model and the final model are left out.
        forecast: as evaluate finds it; None, or one with a reason, is not drawn.
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
    if forecast is not None and forecast["reason"] is None:
        ahead = forecast["curve"]
        at = [point["answers"] if free else point["cost"] for point in ahead]
        low, high = ([point[name] for point in ahead] for name in ("low", "high"))
        axes.fill_between(at, low, high, color=COLOUR, alpha=0.15, linewidth=0, label=f"{forecast['share']:.0%} range")
        axes.plot(
            at, [point["accuracy"] for point in ahead], color=COLOUR, linestyle="--", linewidth=2, label="forecast"
        )
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
