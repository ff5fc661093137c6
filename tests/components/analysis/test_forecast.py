"""The forecast: right on curves whose continuation is known, honest about chance, and silent where it knows nothing."""

import numpy as np
import pytest

from labelcycle.components.analysis.projection import LEAST_POINTS, Forecast, forecast
from labelcycle.components.analysis.stop import CurvePoint

ANSWERS = [50, 100, 150, 200, 250, 300]


def curve(answers: float, ceiling: float = 0.95, scale: float = 5.0, exponent: float = 0.6) -> float:
    return float(ceiling - scale * answers**-exponent)


def points(noise: float = 0.0, seed: int = 0, answers: list[int] = ANSWERS, **shape: float) -> list[CurvePoint]:
    generator = np.random.default_rng(seed)
    return [CurvePoint(count, curve(count, **shape) + noise * generator.normal()) for count in answers]


def fitted(found: list[CurvePoint], test_samples: int = 1000) -> Forecast:
    result = forecast(found, test_samples)
    assert isinstance(result, Forecast)
    return result


@pytest.mark.parametrize("exponent", [0.2, 0.6, 1.2])
def test_a_clean_curve_is_continued(exponent: float) -> None:
    shape = {"ceiling": 0.9, "scale": 0.5 * 50**exponent, "exponent": exponent}
    found = fitted(points(**shape))
    expected = found.accuracy_at(600)
    assert expected.accuracy == pytest.approx(curve(600, **shape), abs=0.01)
    needed = found.answers_for(curve(450, **shape))
    assert needed.answers is not None and abs(needed.answers - 450) < 40
    assert needed.low is not None and needed.low <= needed.answers


def test_the_range_holds_the_truth_as_often_as_it_says() -> None:
    """Four of five of the ranges should; a hundred curves of several shapes let chance move that share a little."""
    generator = np.random.default_rng(1)
    tried = held = 0
    for trial in range(100):
        ceiling, exponent = generator.uniform(0.75, 1.0), generator.uniform(0.3, 1.1)
        shape = {"ceiling": ceiling, "scale": (ceiling - 0.3) * 50**exponent, "exponent": exponent}
        found = forecast(points(0.012, trial, **shape), 1000)
        if isinstance(found, Forecast):
            tried += 1
            expected = found.accuracy_at(500)
            assert expected.low <= expected.accuracy <= expected.high
            held += expected.low <= curve(500, **shape) <= expected.high
    assert tried >= 90 and held >= 0.75 * tried


def test_more_noise_and_a_smaller_test_set_make_the_range_wider() -> None:
    def width(found: Forecast) -> float:
        expected = found.accuracy_at(600)
        return expected.high - expected.low

    clean = width(fitted(points()))
    assert width(fitted(points(0.02))) > clean
    assert width(fitted(points(), test_samples=50)) > clean


def test_what_more_answers_bring() -> None:
    gain = fitted(points()).gain_of(100)
    assert gain is not None and gain.accuracy == pytest.approx(curve(400) - curve(300), abs=0.003)
    assert gain.low < gain.accuracy < gain.high
    assert fitted(points()).gain_of(9 * 300) is not None and fitted(points()).gain_of(9 * 300 + 1) is None
    assert fitted(points(0.02)).gain_of(100) == fitted(points(0.02)).gain_of(100)


def test_the_range_of_a_gain_has_room_for_chance() -> None:
    """What is measured deviates twice, now and then; four of five measured gains and more should be in the range."""
    generator = np.random.default_rng(2)
    tried = held = 0
    for trial in range(100):
        ceiling, exponent = generator.uniform(0.75, 1.0), generator.uniform(0.3, 1.1)
        shape = {"ceiling": ceiling, "scale": (ceiling - 0.3) * 50**exponent, "exponent": exponent}
        told = points(0.012, trial, [*ANSWERS, 400], **shape)
        found = forecast(told[:-1], 1000)
        gain = found.gain_of(100) if isinstance(found, Forecast) else None
        if gain is not None:
            tried += 1
            held += gain.low <= told[-1].accuracy - told[-2].accuracy <= gain.high
    assert tried >= 90 and held >= 0.75 * tried


def test_a_target_above_the_ceiling_is_out_of_reach() -> None:
    needed = fitted(points(ceiling=0.7, scale=3.0)).answers_for(0.99)
    assert (needed.answers, needed.low, needed.high) == (None, None, None)


def test_a_target_too_far_away_is_not_told() -> None:
    found = fitted(points(ceiling=0.95, scale=1.5, exponent=0.2))
    assert found.answers_for(curve(20_000, 0.95, 1.5, 0.2)).answers is None


def test_accuracy_stays_between_nothing_and_all() -> None:
    steep = [
        CurvePoint(count, accuracy) for count, accuracy in zip(ANSWERS, (0.6, 0.85, 0.94, 0.97, 0.99, 1.0), strict=True)
    ]
    expected = fitted(steep).accuracy_at(3000)
    assert 0 <= expected.low <= expected.accuracy <= expected.high <= 1


def test_too_few_cycles_say_nothing() -> None:
    assert forecast(points()[: LEAST_POINTS - 1], 1000) == "a forecast needs 4 trained cycles, and there are 3 so far"
    assert forecast([points()[0]] * 6, 1000) == "a forecast needs 4 trained cycles, and there is 1 so far"


@pytest.mark.parametrize("accuracy", [[0.5] * 6, [0.6, 0.55, 0.5, 0.5, 0.45, 0.4]])
def test_a_curve_that_does_not_rise_says_nothing(accuracy: list[float]) -> None:
    found = forecast([CurvePoint(count, value) for count, value in zip(ANSWERS, accuracy, strict=True)], 1000)
    assert isinstance(found, str) and "does not rise" in found


def test_a_curve_that_gains_speed_says_nothing() -> None:
    """A curve that levels off stays below its end, and the forecast would be less than what is reached already."""
    found = forecast(
        [CurvePoint(count, value) for count, value in zip(ANSWERS, (0.3, 0.32, 0.36, 0.44, 0.6, 0.8), strict=True)],
        1000,
    )
    assert isinstance(found, str) and "rises faster" in found


def test_the_same_curve_gives_the_same_forecast() -> None:
    noisy = points(0.02)
    assert fitted(noisy).accuracy_at(900) == fitted(noisy).accuracy_at(900)
