"""Figures that are made but not drawn: layout and drawing were most of what a trained cycle costs in tests.

`make test` draws where a test has the marker `draws`, `make test-long` everywhere.
"""

import io
import os
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

VARIABLE = "BLANK_FIGURES"
"""Set to 1 in the environment of processes whose figures stay blank; those that they start inherit it."""


def leave_figures_blank() -> None:
    """Let figures of this process and its copies be a white pixel for as long as the variable is set."""
    draw = Figure.savefig
    file = io.BytesIO()
    Image.new("L", (1, 1), 255).save(file, "png")
    blank = file.getvalue()

    def save(figure: Figure, target: Any, **settings: Any) -> None:
        if VARIABLE not in os.environ:
            draw(figure, target, **settings)
        elif hasattr(target, "write"):
            target.write(blank)
        else:
            Path(target).write_bytes(blank)

    Figure.savefig = save
