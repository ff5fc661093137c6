"""What the drawn figures share: a blank sheet, its PNG bytes, and names cut to length."""

import io
import warnings

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

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
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def shortened(name: str, length: int) -> str:
    """The name in one line of at most `length` characters, its middle left out where it is longer."""
    line = " ".join(name.split())
    if len(line) <= length:
        return line
    tail = (length - 1) // 3
    return f"{line[: length - 1 - tail]}…{line[len(line) - tail :]}"
