"""The map of the feature space as a picture."""

from typing import Any

from labelcycle.components.publish.figures import FINE, FONT, INK, PAGE_WIDTH, as_png, blank_figure
from labelcycle.components.publish.map_points import MapPoints

TEXT_SIZE = 10
STYLES = {
    "pool": ("pool", "#afb8c1", "o", 7, 0.6),
    "labelled": ("labelled", "#0969da", "o", 16, 0.9),
    "asked": ("asked next", "#d4a72c", "D", 22, 1.0),
    "wrong": ("mistaken in the test set", "#cf222e", "x", 20, 0.9),
}
"""Of each kind, in the order of drawing: its name, colour, marker, size and opacity."""


def draw_feature_map(points: MapPoints) -> bytes:
    """Draw the kinds of points over one another, pool first.

    Returns:
        A PNG of 768×736 pixels, the same bytes for the same points.
    """
    figure, axes = blank_figure(PAGE_WIDTH, 4.6, FINE)
    for kind, (name, colour, marker, size, opacity) in STYLES.items():
        at = points.groups[kind]
        if len(at):
            style: dict[str, Any] = (
                {} if marker == "x" else {"edgecolors": INK if kind == "asked" else "none", "linewidths": 0.5}
            )
            axes.scatter(
                at[:, 0],
                at[:, 1],
                s=size,
                c=colour,
                marker=marker,
                alpha=opacity,
                label=f"{name} ({len(at):,})",
                **style,
            )
    axes.set_xticks([])
    axes.set_yticks([])
    first, second = points.explained
    axes.set_xlabel(f"first component, {first:.0%} of the variance", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.set_ylabel(f"second component, {second:.0%}", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    figure.legend(
        loc="outside upper left",
        ncols=2,
        frameon=False,
        labelcolor=INK,
        markerscale=1.4,
        prop={"family": FONT, "size": TEXT_SIZE},
    )
    return as_png(figure)
