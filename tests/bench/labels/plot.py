"""The learning curves of the default, of random picks and of the best peers, one panel a set."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, PercentFormatter

from labelcycle.components.publish.charts import FAINT, FONT, INK, as_png
from tests.bench.labels.data import SHOWN, WHOLE
from tests.bench.labels.figures import Entry, standard_error, yardstick_of
from tests.bench.labels.heads import OURS as OUR_HEAD
from tests.bench.labels.heads import SCIKIT_LEARN
from tests.bench.labels.tables import OURS, default_of, peers_of

COLOURS = ("#bc4c00", "#1a7f37", "#8250df")
MINE = "#0969da"
SIZE, ACROSS = 3.4, 2
"""Inches of a panel, and panels in a row."""


def draw(found: Mapping[str, Sequence[Entry]], path: Path) -> None:
    """Write the plot as PNG; the same bytes for the same results."""
    drawn = {name: entries for name, entries in found.items() if default_of(entries) and not name.endswith(WHOLE)}
    if not drawn:
        return
    across = min(ACROSS, len(drawn))
    down = -(-len(drawn) // across)
    figure = Figure(figsize=(SIZE * 1.45 * across, SIZE * down), dpi=80, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel in panels[len(drawn) :]:
        panel.set_visible(False)
    for panel, (name, entries) in zip(panels, drawn.items(), strict=False):
        _draw_set(panel, name, entries)
    path.write_bytes(as_png(figure))


def _draw_set(axes: Axes, name: str, entries: Sequence[Entry]) -> None:
    """The default, the best peer with each head, and random picks with each head."""
    ours = default_of(entries)
    assert ours is not None
    peers = [peer for peer in peers_of(entries) if "random" not in peer.method]
    best = [next((peer for peer in peers if peer.head == head), None) for head in (OUR_HEAD, SCIKIT_LEARN)]
    lines = [(ours, MINE, "-", 2.4)]
    lines += [(peer, colour, "-", 1.4) for peer, colour in zip(best, COLOURS, strict=False) if peer is not None]
    for entry, dash in ((ours, "--"), (best[1], ":")):
        yardstick = None if entry is None else yardstick_of(entry, entries)
        if yardstick is not None:
            lines.append((yardstick, INK, dash, 1.2))
    for entry, colour, dash, width in lines:
        places = np.array(entry.labels) / entry.classes
        mean = entry.accuracy.mean(axis=0)
        label = "labelcycle, default" if entry.method == OURS else entry.name
        axes.plot(places, mean, color=colour, linestyle=dash, linewidth=width, label=label)
        error = [standard_error(column) for column in entry.accuracy.T]
        if np.isfinite(error).all():
            axes.fill_between(places, mean - error, mean + error, color=colour, alpha=0.15, linewidth=0)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([a_class for a_class in SHOWN if ours.has(a_class)]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
    axes.set_title(f"{name}, {ours.classes} classes", fontfamily=FONT, fontsize=10, color=INK)
    axes.set_xlabel("labels a class", fontfamily=FONT, fontsize=9, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=8, labelfontfamily=FONT, color=FAINT)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower right", frameon=False, prop={"family": FONT, "size": 7.5}, labelcolor=INK)
