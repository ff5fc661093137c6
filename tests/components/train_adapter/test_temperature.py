"""One temperature for calibrated probabilities."""

import numpy as np
import pytest
from scipy.special import softmax

from labelcycle.components.analysis.accuracy import expected_calibration_error
from labelcycle.components.train_adapter.temperature import cross_validated_temperature, likeliest_temperature


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(20_000, 5)) * 2
    truth = np.array([generator.choice(5, p=row) for row in softmax(logits, axis=1)])
    assert likeliest_temperature(logits * 3, truth) == pytest.approx(3, rel=0.05)
    scaled = softmax(logits * 3, axis=1)
    before = expected_calibration_error(scaled.max(axis=1), scaled.argmax(axis=1) == truth)
    calibrated = softmax(logits * 3 / likeliest_temperature(logits * 3, truth), axis=1)
    after = expected_calibration_error(calibrated.max(axis=1), calibrated.argmax(axis=1) == truth)
    assert before > 0.15 and after < 0.02


def test_classes_that_were_not_trained_on_do_not_count() -> None:
    logits = np.array([[1.0, 0.0, -np.inf], [0.0, 1.0, -np.inf], [1.0, 0.5, -np.inf]])
    truth = np.array([0, 1, 1])
    assert likeliest_temperature(logits, truth) == likeliest_temperature(logits[:, :2], truth)


def test_one_possible_class_has_no_temperature() -> None:
    assert likeliest_temperature(np.array([[2.0, -np.inf]]), np.array([0])) == 1


def test_each_sample_is_predicted_once_by_the_others() -> None:
    asked: list[int] = []

    def logits_of(learnt: np.ndarray, held: np.ndarray) -> np.ndarray:
        assert not np.isin(held, learnt).any() and len(learnt)
        asked.extend(held.tolist())
        return np.tile([0.0, 1.0, -1.0], (len(held), 1))

    classes = np.array([0, 1] * 8 + [2])
    cross_validated_temperature(classes, logits_of)
    assert sorted(asked) == list(range(16)), "the only sample of its class has nothing to be predicted by"


def test_where_nothing_can_be_held_out_it_is_1() -> None:
    assert cross_validated_temperature(np.arange(3), lambda *_: pytest.fail("nothing to predict")) == 1
