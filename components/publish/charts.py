"""Charts of a cycle: reliability diagram and confusion matrix, and the blank sheet that all charts begin with."""

import io
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from labelcycle.components.core.campaign.cycle_metrics import ReliabilityBin

DOTS_PER_INCH = 120
FINE = 160
"""Dots per inch of figures that a page shows smaller than they are, so that they are sharp on phones."""
PAGE_WIDTH = 4.8
"""Inches of a figure whose text is legible at the width of a phone."""
FONT = "DejaVu Sans"
"""Comes with matplotlib, so figures are the same on every machine."""
INK = "#24292f"
FAINT = "#d0d7de"


def blank_figure(width: float, height: float, dots_per_inch: int = DOTS_PER_INCH) -> tuple[Figure, Axes]:
    """A white sheet of `width` × `height` inches with one set of axes; touches no display and no global state."""
    figure = Figure(figsize=(width, height), dpi=dots_per_inch, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9, labelfontfamily=FONT, color=FAINT)
    return figure, axes


def as_png(figure: Figure) -> bytes:
    """The figure as PNG: the same bytes for the same figure, without time or version."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # `savefig` would draw it twice
        figure.canvas.print_png(buffer, metadata={"Software": None})  # type: ignore[attr-defined] # FigureCanvasAgg has it
    return buffer.getvalue()


def shortened(name: str, length: int) -> str:
    """The name in one line of at most `length` characters, its middle left out where it is longer."""
    line = " ".join(name.split())
    if len(line) <= length:
        return line
    tail = (length - 1) // 3
    return f"{line[: length - 1 - tail]}…{line[len(line) - tail :]}"


TEXT_SIZE = 10
BAR, GAP = "#9ec5f4", "#a40e26"


def draw_calibration(bins: Sequence[ReliabilityBin]) -> bytes:
    """Draw the accuracy of each bin of confidence as a bar, with the gap to the confidence, over how many are in it.

    Args:
        bins: as evaluate finds them.

    Returns:
        A PNG of 768×608 pixels, the same bytes for the same bins.
    """
    figure, axes = blank_figure(PAGE_WIDTH, 3.8, FINE)
    lows = [one.low for one in bins]
    widths = [one.high - one.low for one in bins]
    accuracy = [one.accuracy for one in bins]
    gaps = [one.confidence - one.accuracy for one in bins]
    axes.bar(lows, accuracy, widths, align="edge", color=BAR, edgecolor=INK, linewidth=0.8, label="accuracy")
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
    most = max((one.count for one in bins), default=1)
    for one in bins:
        if one.count >= most / 10:
            axes.text(
                (one.low + one.high) / 2,
                0.02,
                f"{one.count:,}",
                ha="center",
                rotation=90,
                fontsize=8,
                fontfamily=FONT,
                color=INK,
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


MOST_COUNTED = 15
"""Up to so many classes the cells carry their counts."""
MOST_NAMED = 40
"""Up to so many classes each has its name at the side; beyond, evenly spaced ones do."""
MOST_CELLS = 200
"""Beyond so many classes neighbours share a cell, since a picture cannot show thousands of them apart."""
NAME_LENGTH = 18


def draw_confusion(confusion: list[list[int]], classes: list[str]) -> bytes:
    """Draw the matrix, each row coloured by its shares.

    Args:
        confusion: counts, C×C: rows are true classes, columns predicted ones.
        classes: C names.

    Returns:
        A PNG of at most 1260×1140 pixels for any C, the same bytes for the same matrix.
    """
    counts = np.asarray(confusion, dtype=np.int64)
    group = -(-len(classes) // MOST_CELLS)
    shares = _row_shares(_summed(counts, group))
    side = float(np.clip(2.6 + 0.42 * len(shares), 3.8, 9.5))
    figure, axes = blank_figure(side + 1.0, side)
    picture = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest", aspect="equal")
    bar = figure.colorbar(picture, ax=axes, shrink=0.7, format="{x:.0%}", pad=0.02)
    bar.set_label("share of the true class", color=INK, fontfamily=FONT)
    bar.ax.tick_params(labelsize=8, labelfontfamily=FONT, colors=INK)
    bar.outline.set_visible(False)
    if len(classes) <= MOST_COUNTED:
        _write_counts(axes, counts, shares)
    _name_sides(axes, classes, group, len(shares))
    return as_png(figure)


def _summed(counts: npt.NDArray[np.int64], group: int) -> npt.NDArray[np.int64]:
    """The matrix with every `group` neighbouring rows and columns added up, (C, C) → (⌈C/group⌉, ⌈C/group⌉)."""
    starts = np.arange(0, len(counts), group)
    rows = np.add.reduceat(counts, starts, axis=0)
    summed: npt.NDArray[np.int64] = np.add.reduceat(rows, starts, axis=1)
    return summed


def _row_shares(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Each row divided by its sum; rows without samples stay zero."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: npt.NDArray[np.float64] = counts / np.maximum(totals, 1)
    return shares


def _write_counts(axes: Axes, counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> None:
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.5 else INK
            axes.text(
                column, row, _brief(int(count)), ha="center", va="center", color=color, fontsize=8, fontfamily=FONT
            )


def _brief(count: int) -> str:
    """A count of at most four characters or so: 950, 12k, 3M."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= 10 * size:
            return f"{count // size}{letter}"
    return str(count)


def _name_sides(axes: Axes, classes: list[str], group: int, cells: int) -> None:
    step = -(-cells // MOST_NAMED)
    ticks = list(range(0, cells, step))
    names = [shortened(classes[tick * group], NAME_LENGTH) for tick in ticks]
    size = 9 if cells <= MOST_COUNTED else 7
    axes.set_xticks(ticks, names, rotation=90, fontsize=size, fontfamily=FONT, parse_math=False)
    axes.set_yticks(ticks, names, fontsize=size, fontfamily=FONT, parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    together = f" ({group} neighbouring classes a cell)" if group > 1 else ""
    axes.set_xlabel(f"predicted{together}", color=INK, fontfamily=FONT)
    axes.set_ylabel(f"true{together}", color=INK, fontfamily=FONT)
