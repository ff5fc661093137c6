"""The confusion matrix: which classes the model takes for which, as a picture."""

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from labelcycle.components.publish.figures import FONT, INK, as_png, blank_figure, shortened

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
    places = list(range(0, cells, step))
    names = [shortened(classes[place * group], NAME_LENGTH) for place in places]
    style: dict[str, Any] = {
        "fontsize": 9 if cells <= MOST_COUNTED else 7,
        "fontfamily": FONT,
        "parse_math": False,
    }
    axes.set_xticks(places, names, rotation=90, **style)
    axes.set_yticks(places, names, **style)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    together = f" ({group} neighbouring classes a cell)" if group > 1 else ""
    axes.set_xlabel(f"predicted{together}", color=INK, fontfamily=FONT)
    axes.set_ylabel(f"true{together}", color=INK, fontfamily=FONT)
