"""The learning curve: what is drawn, for how many cycles, and that it is always the same picture."""

import dataclasses
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from labelcycle.components.core.campaign.cycle_metrics import RandomArm
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.publish.learning_curves import draw_learning_curve

pytestmark = pytest.mark.draws

ACCURACY_BLUE = (0x09, 0x69, 0xDA)
MACRO_F1_ORANGE = (0xBC, 0x4C, 0x00)
FINAL_GREEN = (0x1A, 0x7F, 0x37)


def summary(cycle: int, labels: int, accuracy: float | None, macro_f1: float | None) -> CycleSummary:
    return CycleSummary(
        cycle=cycle,
        labels=labels,
        answers=labels,
        accuracy=accuracy,
        macro_f1=macro_f1,
        ece=0.1,
        space="space",
        query_size=10,
    )


def rows_of(png: bytes, color: tuple[int, int, int]) -> np.ndarray:
    """Heights above the lower edge at which `color` occurs below the legend, per column that has it."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))[60:]
    rows, columns = np.nonzero((pixels == color).all(axis=2))
    return np.array([len(pixels) - rows[columns == column].mean() for column in np.unique(columns)])


CURVE = [summary(1, 40, 0.5, 0.3), summary(2, 80, 0.6, 0.45), summary(3, 120, 0.7, 0.5)]


def test_the_size_is_fixed() -> None:
    for summaries in (CURVE, CURVE[:1], []):
        picture = Image.open(io.BytesIO(draw_learning_curve(summaries)))
        assert picture.format == "PNG"
        assert picture.size == (768, 528)


def test_both_figures_rise_with_the_labels_and_accuracy_is_above() -> None:
    png = draw_learning_curve(CURVE)
    accuracy, macro_f1 = rows_of(png, ACCURACY_BLUE), rows_of(png, MACRO_F1_ORANGE)
    assert accuracy[-1] > accuracy[0] + 50
    assert macro_f1[-1] > macro_f1[0] + 50
    assert accuracy[0] > macro_f1[0] + 50


def test_the_final_model_is_a_point_of_its_own() -> None:
    final = dataclasses.replace(summary(4, 120, 0.9, 0.9), final=True)
    png = draw_learning_curve([*CURVE, final])
    star, accuracy = rows_of(png, FINAL_GREEN), rows_of(png, ACCURACY_BLUE)
    assert 3 < len(star) < 30 and star.min() > accuracy.max() + 30
    assert len(rows_of(draw_learning_curve(CURVE), FINAL_GREEN)) == 0


def test_random_picks_are_drawn_beside_it() -> None:
    random = RandomArm(
        labels=[40, 80, 120, 160],
        accuracy=[0.4, 0.45, 0.5, 0.52],
        equivalent_labels=160,
        ratio=0.5,
        sign="≥",
        average=None,
    )
    png = draw_learning_curve(CURVE, random)
    assert png != draw_learning_curve(CURVE)
    accuracy, alone = rows_of(png, ACCURACY_BLUE), rows_of(draw_learning_curve(CURVE), ACCURACY_BLUE)
    assert len(accuracy) < len(alone) * 0.9, "the axis reaches as far as the random picks do"


def test_a_single_cycle_is_two_points() -> None:
    png = draw_learning_curve(CURVE[:1])
    assert 3 < len(rows_of(png, ACCURACY_BLUE)) < 20
    assert 3 < len(rows_of(png, MACRO_F1_ORANGE)) < 20


def test_cycles_without_a_model_are_left_out() -> None:
    assert draw_learning_curve([summary(0, 0, None, None), *CURVE]) == draw_learning_curve(CURVE)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_points_at_the_ends_of_the_scale_are_visible(share: float) -> None:
    assert len(rows_of(draw_learning_curve([summary(1, 5, share, share)]), MACRO_F1_ORANGE)) > 3


def test_the_same_cycles_give_the_same_bytes_and_others_do_not() -> None:
    assert draw_learning_curve(CURVE) == draw_learning_curve(list(CURVE))
    assert draw_learning_curve(CURVE) != draw_learning_curve(CURVE[:2])


def test_the_png_names_no_time_and_no_software() -> None:
    assert set(Image.open(io.BytesIO(draw_learning_curve(CURVE))).info) <= {"dpi"}


def test_drawing_needs_neither_display_nor_pyplot() -> None:
    program = (
        "import sys; from labelcycle.components.publish.learning_curves import draw_learning_curve;"
        "print(draw_learning_curve([])[1:4].decode(), 'matplotlib.pyplot' in sys.modules)"
    )
    variables = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env={**variables, "MPLBACKEND": "TkAgg"},
    )
    assert run.stdout == "PNG False\n", run.stderr
