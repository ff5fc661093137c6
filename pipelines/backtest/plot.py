"""The learning curves of all strategies, with their confidence bands."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator, PercentFormatter

from labelcycle.components.publish.charts import FAINT, FONT, INK, as_png, blank_figure, shortened
from labelcycle.pipelines.backtest.backtest_plan import RANDOM
from labelcycle.pipelines.backtest.curves import Band
from labelcycle.pipelines.backtest.leaderboard import SEES_LABELS, Leaderboard

TEXT_SIZE = 11
LONGEST_NAME = 40
ROOM = 0.15
"""Above and below the mean curves, as a share of their height."""
SMALLEST_ROOM = 0.02
COLOURS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#cf222e", "#9a6700", "#0f766e", "#bf3989")
LINES = ("-", "--", ":", "-.")
"""Colours come round again with the next kind of line."""
MOST_BANDS, BEST = 6, 3
"""With more strategies than the first, bands would cover each other: only the best and random then have theirs."""


@dataclass(frozen=True)
class Line:
    """One learning curve in the figure.

    Attributes:
        title: for the legend.
        labels: P numbers.
        accuracy: mean and band at each of them.
        yardstick: whether it is what the others are measured with; it is then black and dashed.
        banded: whether its band is drawn, if it has one.
    """

    title: str
    labels: Sequence[int]
    accuracy: Band
    yardstick: bool = False
    banded: bool = True


def draw_curves(found: Leaderboard) -> bytes:
    """Draw mean accuracy over labels, best strategy first; random is black and dashed.

    Of more than six strategies only the best three and random have their bands drawn.

    Returns:
        A PNG of 1200 pixels' width, the same bytes for the same entries.
    """
    crowded = len(found.entries) > MOST_BANDS
    lines = [
        Line(
            shortened(entry.title, LONGEST_NAME) + (SEES_LABELS if entry.sees_labels else ""),
            found.plan.labels,
            entry.accuracy,
            yardstick=entry.title == RANDOM.title,
            banded=not crowded or rank < BEST or entry.title == RANDOM.title,
        )
        for rank, entry in enumerate(found.entries)
    ]
    return draw_lines(lines, "bands: best three, random" if crowded else None)


def draw_lines(lines: Sequence[Line], legend: str | None = None) -> bytes:
    """Draw learning curves, which may have different numbers of labels.

    Args:
        lines: in the order of the legend.
        legend: its title.

    Returns:
        A PNG of 1200 pixels' width, the same bytes for the same lines.
    """
    figure, axes = blank_figure(10.0, 5.5)
    styles = ((colour, line) for line in LINES for colour in COLOURS)
    for line in lines:
        colour, style = (INK, "--") if line.yardstick else next(styles, (FAINT, "-"))
        labels, mean, half_width = line.labels, line.accuracy.mean, line.accuracy.half_width
        axes.plot(labels, mean, color=colour, linestyle=style, marker="o", markersize=4, linewidth=2, label=line.title)
        if half_width is not None and line.banded:
            low = [value - half for value, half in zip(mean, half_width, strict=True)]
            high = [value + half for value, half in zip(mean, half_width, strict=True)]
            axes.fill_between(labels, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.set_ylim(*_limits([value for line in lines for value in line.accuracy.mean]))
    axes.set_xlabel("labels", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.set_ylabel("test accuracy", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.tick_params(labelsize=TEXT_SIZE)
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    if lines:
        figure.legend(
            loc="outside right upper",
            title=legend,
            title_fontproperties={"family": FONT, "size": 9},
            frameon=False,
            labelcolor=INK,
            prop={"family": FONT, "size": 10},
        )
    return as_png(figure)


def _limits(means: list[float]) -> tuple[float, float]:
    """Ends of the scale that leave room around the mean curves; a band of few seeds may be wider and is cut off."""
    lowest, highest = min(means, default=0.0), max(means, default=1.0)
    room = max(SMALLEST_ROOM, ROOM * (highest - lowest))
    return max(0.0, lowest - room), min(1.0 + SMALLEST_ROOM / 2, highest + room)
