"""The gate: who may become champion."""

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import binom

from labelcycle.components.tracking.promotion import ClassFigures, Gate, Model, judge, model_of, noise


def model(accuracy: float = 0.8, recalls: tuple[float, ...] = (0.8, 0.8), support: int = 10_000, **more: Any) -> Model:
    """A model measured on two classes with so many test samples each."""
    classes = [
        ClassFigures(name=f"class-{number}", recall=recall, support=support) for number, recall in enumerate(recalls)
    ]
    settings = {"cycle": 1, "commit": "c0", "test_set": "t0", "accuracy": accuracy, "classes": classes, **more}
    return Model.model_validate(settings)


def test_the_first_model_passes() -> None:
    verdict = judge(model(0.1), None, Gate())
    assert verdict.passed and verdict.reason == "accuracy 0.1000, and there was no champion"


def test_an_equal_model_passes() -> None:
    assert judge(model(), model(), Gate()).passed


def test_a_better_model_passes_and_its_changes_are_told() -> None:
    verdict = judge(model(0.9, (0.95, 0.85)), model(), Gate())
    assert verdict.passed and verdict.reason == "accuracy 0.9000, the champion, cycle 1, has 0.8000"
    assert [(change.name, round(change.change, 6)) for change in verdict.changes] == [
        ("class-1", 0.05),
        ("class-0", 0.15),
    ]


@pytest.mark.parametrize(
    ("accuracy", "tolerance", "passed"), [(0.79, 0.0, False), (0.79, 0.01, True), (0.78, 0.01, False)]
)
def test_a_lower_accuracy_needs_a_tolerance(accuracy: float, tolerance: float, passed: bool) -> None:
    verdict = judge(model(accuracy), model(), Gate(tolerance=tolerance))
    assert verdict.passed == passed
    assert f"accuracy {accuracy:.4f}, the champion, cycle 1, has 0.8000" in verdict.reason


def test_one_class_that_fell_is_named() -> None:
    verdict = judge(model(0.85, (0.98, 0.72)), model(), Gate())
    assert not verdict.passed
    assert verdict.reason.endswith("but class 'class-1' falls from 0.80 to 0.72 (0.05 is allowed)")
    assert [change.name for change in verdict.changes if change.refused] == ["class-1"]
    assert judge(model(0.85, (0.98, 0.72)), model(), Gate(class_margin=0.08)).passed


def test_many_classes_that_fell_are_counted() -> None:
    verdict = judge(model(0.9, (0.1,) * 5 + (1.0,)), model(0.8, (0.8,) * 6), Gate())
    assert verdict.reason.count("falls from") == 3 and verdict.reason.endswith(", and 2 more")


@pytest.mark.parametrize("challenger", [{"test_set": "t1"}, {"support": 9_999}])
def test_another_test_set_is_refused(challenger: dict[str, Any]) -> None:
    verdict = judge(model(0.99, (0.99, 0.99), **challenger), model(), Gate())
    assert not verdict.passed and "was not measured on the same test samples" in verdict.reason


def test_a_class_with_few_test_samples_may_fall_by_chance() -> None:
    assert judge(model(0.9, (1.0, 0.75), support=4), model(0.8, (0.6, 1.0), support=4), Gate()).passed
    assert not judge(model(0.9, (1.0, 0.0), support=4), model(0.8, (0.6, 1.0), support=4), Gate()).passed


def test_a_class_without_test_samples_is_not_judged() -> None:
    empty = model(recalls=(0.0, 0.0), support=0)
    assert judge(empty, empty, Gate()).changes == []


def test_noise_is_the_standard_error_of_agresti_and_caffo_and_a_sample_more() -> None:
    # Of 10 samples 8 and 5 are right: p = 9/12 and 6/12.
    assert noise(0.8, 0.5, 10) == pytest.approx(1.645 * math.sqrt((0.75 * 0.25 + 0.5 * 0.5) / 12) + 0.1)
    assert noise(1.0, 1.0, 4) == pytest.approx(1.645 * math.sqrt(2 * (5 / 6) * (1 / 6) / 6) + 0.25)
    assert noise(0.9, 0.9, 100_000) < 0.003


@pytest.mark.parametrize("support", [1, 2, 3, 5, 8, 20, 100])
def test_falls_as_large_as_noise_are_rare_among_equal_models(support: int) -> None:
    """The exact chance that the second of two models which are equally often right seems that much worse."""
    counts = np.arange(support + 1)
    worse = np.array(
        [
            [(first - second) / support > noise(first / support, second / support, support) for second in counts]
            for first in counts
        ]
    )
    for share in np.arange(0.02, 1, 0.02):
        chances = binom.pmf(counts, support, share)
        assert chances @ worse @ chances <= 0.055


@pytest.mark.parametrize("setting", [{"tolerance": -0.1}, {"tolerance": float("nan")}, {"class_margin": 1.5}])
def test_settings_out_of_range_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Gate(**setting)


def test_figures_are_those_of_the_commit(campaign: Any) -> None:
    campaign.commit_cold_start()
    commit = campaign.commit_training(accuracy=0.5, recalls=(0.25, 0.75), supports=(8, 9))
    found = model_of(campaign.store, campaign.campaign, commit)
    assert (found.cycle, found.commit, found.accuracy) == (1, commit.digest, 0.5)
    assert found.test_set == campaign.campaign.truth.sha256
    assert [(one.name, one.recall, one.support) for one in found.classes] == [("cat", 0.25, 8), ("dog", 0.75, 9)]


def test_models_that_nothing_tested_are_not_compared() -> None:
    older, newer = (
        model().model_copy(update={"accuracy": None}),
        model().model_copy(update={"accuracy": None, "cycle": 2}),
    )
    verdict = judge(newer, older, Gate())
    assert (
        verdict.passed and "it was not tested, for want of a test set, nor was the champion, cycle 1" in verdict.reason
    )
    assert not judge(older, newer, Gate()).passed
    assert judge(newer, None, Gate()).passed


@pytest.mark.parametrize("tested", [True, False])
def test_a_model_is_not_compared_with_one_that_was_not_tested(tested: bool) -> None:
    without = model().model_copy(update={"accuracy": None, "cycle": 2})
    verdict = judge(without, model(), Gate()) if tested else judge(model(), without, Gate())
    assert not verdict.passed and "was not tested, so the two cannot be compared" in verdict.reason
