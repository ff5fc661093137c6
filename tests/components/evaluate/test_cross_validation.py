"""Estimates by cross-validation: blind to the label that is judged, groups as wholes, alike for any order."""

import numpy as np
import pytest

from labelcycle.components.analysis.intervals import wilson_interval
from labelcycle.components.core.campaign.estimate import AccuracyEstimate, NoEstimate
from labelcycle.components.evaluate.cross_validation import estimate_accuracy


def draws(count: int, apart: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.arange(count) % 2
    features = apart * np.eye(2, 400)[labels] + generator.normal(size=(count, 400))
    return np.array([f"s{row:03d}" for row in range(count)]), features, labels


def test_what_cannot_be_told_is_a_guess() -> None:
    found = estimate_accuracy(*draws(100, 0.0), 2, {})
    assert isinstance(found, AccuracyEstimate) and found.low < 0.5 < found.high and found.labels == 100


def test_the_order_of_rows_does_not_matter() -> None:
    ids, features, labels = draws(60, 3.0)
    order = np.random.default_rng(1).permutation(60)
    groups = {name: f"g{row // 4}" for row, name in enumerate(ids.tolist())}
    for grouped in ({}, groups):
        found = estimate_accuracy(ids, features, labels, 2, grouped)
        assert found == estimate_accuracy(ids[order], features[order], labels[order], 2, grouped)


def test_copies_in_a_group_are_not_learnt_from() -> None:
    """Labels at random: only who learns from a copy knows them."""
    ids, features, _ = draws(40, 0.0)
    ids = np.array([f"{name}-{copy}" for name in ids.tolist() for copy in range(5)])
    labels = np.repeat(np.random.default_rng(3).integers(0, 2, 40), 5)
    copies = np.repeat(features, 5, axis=0)
    alone = estimate_accuracy(ids, copies, labels, 2, {})
    grouped = estimate_accuracy(ids, copies, labels, 2, {name: name.partition("-")[0] for name in ids.tolist()})
    assert isinstance(alone, AccuracyEstimate) and isinstance(grouped, AccuracyEstimate)
    assert alone.accuracy > 0.95 and grouped.accuracy < 0.8 and grouped.grouped and not alone.grouped


def test_only_what_no_strategy_chose_is_judged_where_that_is_enough() -> None:
    ids, features, labels = draws(60, 3.0)
    found = estimate_accuracy(ids, features, labels, 2, {}, chosen=set(ids[20:].tolist()))
    assert isinstance(found, AccuracyEstimate) and (found.labels, found.chosen) == (20, False)
    few = estimate_accuracy(ids, features, labels, 2, {}, chosen=set(ids[19:].tolist()))
    assert isinstance(few, AccuracyEstimate) and (few.labels, few.chosen) == (60, True)


def test_too_little_to_go_by() -> None:
    ids, features, labels = draws(10, 3.0)
    assert isinstance(estimate_accuracy(ids[:3], features[:3], labels[:3], 2, {}), NoEstimate)
    assert isinstance(estimate_accuracy(ids, features, labels, 2, dict.fromkeys(ids.tolist(), "one")), NoEstimate)
    by_class = {name: f"g{label}" for name, label in zip(ids.tolist(), labels.tolist(), strict=True)}
    assert isinstance(estimate_accuracy(ids, features, labels, 2, by_class), NoEstimate)


@pytest.mark.parametrize(("right", "samples", "ends"), [(8, 10, (0.4902, 0.9433)), (0, 20, (0.0, 0.1611))])
def test_the_interval_is_wilsons(right: int, samples: int, ends: tuple[float, float]) -> None:
    assert wilson_interval(right, samples) == pytest.approx(ends, abs=1e-4)
