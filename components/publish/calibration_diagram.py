"""The reliability diagram: how often the model is right, by how sure it is."""

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import PercentFormatter

from labelcycle.components.publish.figures import FAINT, FINE, FONT, INK, PAGE_WIDTH, as_png, blank_figure

TEXT_SIZE = 10
BAR, GAP = "#0969da", "#f85149"


def draw_calibration(bins: Sequence[dict[str, Any]]) -> bytes:
    """Draw the accuracy of each bin of confidence as a bar, with the gap to the confidence, over how many are in it.

    Args:
        bins: `low`, `high`, `count`, `confidence` and `accuracy` of each, as evaluate finds them.

    Returns:
        A PNG of 768×608 pixels, the same bytes for the same bins.
    """
    figure, axes = blank_figure(PAGE_WIDTH, 3.8, FINE)
    lows = [one["low"] for one in bins]
    widths = [one["high"] - one["low"] for one in bins]
    accuracy = [one["accuracy"] for one in bins]
    gaps = [one["confidence"] - one["accuracy"] for one in bins]
    axes.bar(lows, accuracy, widths, align="edge", color=BAR, edgecolor="white", linewidth=0.8, label="accuracy")
    axes.bar(
        lows,
        gaps,
        widths,
        bottom=accuracy,
        align="edge",
        color="none",
        edgecolor=GAP,
        hatch="////",
        linewidth=0.8,
        label="gap to confidence",
    )
    axes.plot([0, 1], [0, 1], color=INK, linestyle="--", linewidth=1, label="perfect")
    most = max((one["count"] for one in bins), default=1)
    for one in bins:
        if one["count"] >= most / 10:
            axes.text(
                (one["low"] + one["high"]) / 2,
                0.02,
                f"{one['count']:,}",
                ha="center",
                rotation=90,
                fontsize=8,
                fontfamily=FONT,
                color="white" if one["accuracy"] > 0.15 else INK,
            )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("confidence", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.set_ylabel("share right", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.tick_params(labelsize=TEXT_SIZE)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", frameon=False, labelcolor=INK, prop={"family": FONT, "size": 9})
    return as_png(figure)
