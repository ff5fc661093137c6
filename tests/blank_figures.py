"""Figures that are not made: their parts, layout and drawing were most of what a trained cycle costs in tests.

`make test` draws where a test has the marker `draws`, `make test-long` everywhere.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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

    def savefig(self, target: Any, **settings: Any) -> None:
        """Write the pixel as PNG to a file, or to the path of one."""
        file = io.BytesIO()
        Image.new("L", (1, 1), 255).save(file, "png")
        target.write(file.getvalue()) if hasattr(target, "write") else Path(target).write_bytes(file.getvalue())


def leave_figures_blank() -> None:
    """Let figures of this process and its copies be blank ones for as long as the variable is set."""

    def new(kind: type[Figure], *arguments: Any, **settings: Any) -> Any:
        return BlankFigure() if VARIABLE in os.environ else object.__new__(kind)

    Figure.__new__ = new
