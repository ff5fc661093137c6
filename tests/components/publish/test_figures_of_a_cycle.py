"""Calibration, forecast and map: what is drawn, at a fixed size, and the same for the same figures."""

import io

import numpy as np
import pytest
from PIL import Image

from labelcycle.components.core.campaign.cycle_metrics import (
    AccuracyForecast,
    ExpectedAccuracy,
    NoForecast,
    ReliabilityBin,
)
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.publish.charts import draw_calibration
from labelcycle.components.publish.feature_map import MapPoints, draw_feature_map
from labelcycle.components.publish.learning_curves import draw_learning_curve

pytestmark = pytest.mark.draws

LIGHT_BLUE = (0x9E, 0xC5, 0xF4)
BLUE, RED, GOLD = (0x09, 0x69, 0xDA), (0xCF, 0x22, 0x2E), (0xD4, 0xA7, 0x2C)


def pixels(png: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG" and set(picture.info) <= {"dpi"}
    return np.asarray(picture.convert("RGB")).astype(int)


def area(png: bytes, color: tuple[int, int, int]) -> int:
    """Pixels of about this colour."""
    return int((np.abs(pixels(png) - color).max(axis=2) < 40).sum())


def one_bin(accuracy: float, confidence: float, low: float = 0.8) -> ReliabilityBin:
    return ReliabilityBin(low=low, high=low + 1 / 15, count=5, confidence=confidence, accuracy=accuracy)


def test_bars_are_as_high_as_the_accuracy() -> None:
    low, high = draw_calibration([one_bin(0.3, 0.83)]), draw_calibration([one_bin(0.8, 0.83)])
    assert area(high, LIGHT_BLUE) > 1.5 * area(low, LIGHT_BLUE)
    assert pixels(low).shape == (608, 768, 3)


def test_the_gap_is_hatched() -> None:
    hatch = (0xA4, 0x0E, 0x26)
    assert area(draw_calibration([one_bin(0.2, 0.83)]), hatch) > 2 * area(
        draw_calibration([one_bin(0.83, 0.83)]), hatch
    )


def test_no_bins_are_a_picture_too() -> None:
    assert pixels(draw_calibration([])).shape == (608, 768, 3)


def summary(cycle: int, answers: int, accuracy: float | None, final: bool = False) -> CycleSummary:
    return CycleSummary(
        cycle=cycle,
        labels=answers,
        answers=answers,
        accuracy=accuracy,
        macro_f1=accuracy,
        ece=0.1,
        space="space",
        query_size=10,
        final=final,
    )


CYCLES = [summary(0, 0, None), summary(1, 40, 0.5), summary(2, 80, 0.6)]
FORECAST = AccuracyForecast(
    reason=None,
    share=0.8,
    ceiling=0.9,
    curve=[
        ExpectedAccuracy(answers=80, cost=160.0, accuracy=0.6, low=0.58, high=0.62),
        ExpectedAccuracy(answers=200, cost=400.0, accuracy=0.75, low=0.65, high=0.8),
    ],
    targets=[],
)


def dark(png: bytes) -> int:
    """Pixels that are not white, in grey."""
    return int((pixels(png).mean(axis=2) < 250).sum())


def test_the_forecast_adds_a_line_and_a_hatched_band() -> None:
    plain, ahead = draw_learning_curve(CYCLES), draw_learning_curve(CYCLES, None, FORECAST)
    assert pixels(plain).shape == pixels(ahead).shape == (528, 768, 3)
    band = FORECAST.model_copy(update={"curve": [point.model_copy(update={"low": 0.5}) for point in FORECAST.curve]})
    assert dark(draw_learning_curve(CYCLES, None, band)) > dark(ahead) + 500
    assert draw_learning_curve(CYCLES, None, NoForecast(reason="too early")) == plain


def test_the_end_of_the_budget_is_marked_where_it_is_near() -> None:
    plain = draw_learning_curve(CYCLES)
    assert draw_learning_curve(CYCLES, budget=120) != plain
    assert draw_learning_curve(CYCLES, budget=12_000) == plain


def test_a_forecast_beyond_what_is_shown_is_cut_off() -> None:
    far = [point.model_copy(update={"answers": 100 * point.answers}) for point in FORECAST.curve[1:]]
    longer = FORECAST.model_copy(update={"curve": [*FORECAST.curve, *far]})
    assert draw_learning_curve(CYCLES, None, longer) == draw_learning_curve(CYCLES, None, FORECAST)


def points(**counts: int) -> MapPoints:
    generator = np.random.default_rng(0)
    kinds = {"pool": 300, "labelled": 0, "asked": 0, "wrong": 0} | counts
    return MapPoints({kind: generator.normal(size=(count, 2)) for kind, count in kinds.items()})


@pytest.mark.parametrize(("kind", "color"), [("labelled", BLUE), ("asked", GOLD), ("wrong", RED)])
def test_each_kind_has_its_colour(kind: str, color: tuple[int, int, int]) -> None:
    few, many = draw_feature_map(points()), draw_feature_map(points(**{kind: 40}))
    assert area(many, color) > area(few, color) + 200
    assert pixels(many).shape == (736, 768, 3)


def test_the_same_figures_give_the_same_bytes() -> None:
    assert draw_feature_map(points(asked=9)) == draw_feature_map(points(asked=9))
    assert draw_learning_curve(CYCLES, None, FORECAST) == draw_learning_curve(CYCLES, None, FORECAST)
    assert draw_calibration([one_bin(0.5, 0.8)]) == draw_calibration([one_bin(0.5, 0.8)])
