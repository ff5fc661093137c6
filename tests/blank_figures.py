"""Figures that are not made, or coarsely: they were most of what a trained cycle costs in tests.

`make test` draws where a test has the marker `draws`, `make test-long` everywhere.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

VARIABLE = "BLANK_FIGURES"
"""Set to 1 in the environment of processes whose figures stay blank; those that they start inherit it."""


class BlankFigure:
    """Takes all that a figure, its axes and what is on them can be told, and is saved as a white pixel."""

    def __getattr__(self, name: str) -> "BlankFigure":
        return self

    def __call__(self, *arguments: Any, **settings: Any) -> "BlankFigure":
        return self

    def __getitem__(self, key: Any) -> "BlankFigure":
        return self

    def __iter__(self) -> Iterator["BlankFigure"]:
        """Nothing: whoever goes through its axes comes to an end."""
        return iter(())

    def print_png(self, target: Any, **settings: Any) -> None:
        """Write the pixel as PNG to a file."""
        Image.new("L", (1, 1), 255).save(target, "png")


def leave_figures_blank() -> None:
    """Let figures of this process and its copies be blank ones for as long as the variable is set."""

    def new(kind: type[Figure], *arguments: Any, **settings: Any) -> Any:
        return BlankFigure() if VARIABLE in os.environ else object.__new__(kind)

    Figure.__new__ = new


def coarsely(dots_per_inch: int = 12) -> Callable[..., None]:
    """What `FigureCanvasAgg.print_png` can be replaced by, so that figures have few dots and no layout."""
    draw = FigureCanvasAgg.print_png

    def print_png(canvas: FigureCanvasAgg, *arguments: Any, **settings: Any) -> None:
        canvas.figure.set_layout_engine("none")
        canvas.figure.set_dpi(dots_per_inch)
        draw(canvas, *arguments, **settings)

    return print_png
