"""When features are recomputed: each mode, its limits, and what the record says."""

import json
from typing import Any

import numpy as np
import pytest

from labelcycle.components.core.campaign.training import AlignmentVerdict
from labelcycle.components.core.config.recipe import Alignment
from labelcycle.components.core.digests import canonical_json
from labelcycle.components.train_adapter.alignment.logme import logme
from labelcycle.components.train_adapter.alignment.ped import potential_energy_decline
from labelcycle.components.train_adapter.alignment.recompute_decision import Accuracies, decide

WIDTH = 5


def overlapping(count: int = 200, classes: int = 4, width: int = WIDTH, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Classes that lie on top of each other: PED takes several steps."""
    generator = np.random.default_rng(seed)
    truth = np.arange(count) % classes
    centres = generator.normal(size=(classes, width)) * 0.3
    return centres[truth] + generator.normal(size=(count, width)), truth


def before(score: float | None = 0.0, update: bool = False, updates: int = 0) -> AlignmentVerdict:
    """The verdict of a cycle, in which nothing was made anew unless something else is said."""
    return AlignmentVerdict(
        update=update,
        reason="",
        mode="absolute",
        threshold=1.0,
        updates=updates,
        labelled=100,
        width=WIDTH,
        logme=score,
    )


def score_of(features: np.ndarray, classes: np.ndarray) -> float:
    return logme(potential_energy_decline(features, classes).features, classes)


@pytest.mark.parametrize(
    ("mode", "threshold", "moved_by", "updates"),
    [
        ("absolute", None, 0.99, True),
        ("absolute", None, 1.01, False),
        ("absolute", None, -0.99, True),
        ("absolute", None, -1.01, False),
        ("absolute", 0.1, 0.09, True),
        ("absolute", 0.1, 0.11, False),
    ],
)
def test_absolute(mode: Any, threshold: float | None, moved_by: float, updates: bool) -> None:
    features, classes = overlapping()
    now = score_of(features, classes)
    verdict = decide(features, classes, before(now - moved_by), Alignment(mode=mode, threshold=threshold))
    assert (verdict.update, verdict.updates) == (updates, int(updates))
    assert verdict.logme == now and verdict.previous_logme == now - moved_by
    assert verdict.change == pytest.approx(moved_by)
    assert f"{abs(moved_by):g}" in verdict.reason and verdict.threshold == (threshold or 1.0)


@pytest.mark.parametrize(
    ("threshold", "share", "updates"),
    [(None, 0.049, True), (None, -0.049, True), (None, 0.051, False), (0.5, 0.4, True), (0.5, -0.6, False)],
)
def test_relative(threshold: float | None, share: float, updates: bool) -> None:
    """`share` is the change as a part of the LogME before."""
    features, classes = overlapping()
    previous = score_of(features, classes) / (1 + share)
    verdict = decide(features, classes, before(previous), Alignment(mode="relative", threshold=threshold))
    assert verdict.update == updates
    assert verdict.relative_change == pytest.approx(abs(share)) and verdict.threshold == (threshold or 0.05)


@pytest.mark.parametrize(
    ("threshold", "probe", "tuned", "updates"),
    [
        (None, 0.80, 0.82, True),
        (None, 0.80, 0.805, False),
        (None, 0.80, 0.70, False),
        (0.05, 0.80, 0.84, False),
        (0.05, 0.80, 0.86, True),
    ],
)
def test_holdout(threshold: float | None, probe: float, tuned: float, updates: bool) -> None:
    settings = Alignment(mode="holdout", threshold=threshold)
    verdict = decide(*overlapping(), None, settings, accuracies=Accuracies(probe, tuned))
    assert verdict.update == updates and verdict.threshold == (threshold or 0.01)
    assert (verdict.probe_accuracy, verdict.tuned_accuracy) == (probe, tuned)
    assert verdict.gap == pytest.approx(tuned - probe) and f"{probe:.4f}" in verdict.reason
    assert verdict.logme is verdict.ped_steps is None


@pytest.mark.parametrize("mode", ["absolute", "relative"])
def test_the_first_cycle_has_nothing_to_compare_with(mode: Any) -> None:
    verdict = decide(*overlapping(), None, Alignment(mode=mode, threshold=1e9))
    assert not verdict.update and "before this one" in verdict.reason
    assert verdict.logme is not None and verdict.previous_logme is verdict.change is None


@pytest.mark.parametrize("mode", ["absolute", "relative"])
def test_classes_apart_need_no_new_features(mode: Any) -> None:
    features, classes = overlapping()
    apart = features + 100.0 * np.eye(4, WIDTH)[classes]
    verdict = decide(apart, classes, before(score_of(apart, classes)), Alignment(mode=mode, threshold=1e9))
    assert not verdict.update and "PED converged within one iteration" in verdict.reason
    assert (verdict.ped_steps, verdict.ped_within_one_step, verdict.change) == (0, True, 0.0)


@pytest.mark.parametrize(("count", "at_once"), [(60, False), (99, False), (102, True), (150, True)])
def test_one_iteration_means_about_101_classes_where_all_overlap(count: int, at_once: bool) -> None:
    """A step shrinks the next by 0.005 a class, so from 101 classes on the second is less than half of the first."""
    generator = np.random.default_rng(0)
    classes = np.repeat(np.arange(count), 20)
    features = generator.normal(size=(len(classes), 512)) + generator.normal(size=(count, 512))[classes] * 1e-3
    verdict = decide(features, classes, None, Alignment())
    assert verdict.ped_within_one_step == at_once


def test_logme_jumps_while_there_are_fewer_labels_than_the_features_are_wide() -> None:
    """On samples of one kind, the change from round to round: above the paper's threshold until N > D, below it after.

    The verdict then says so.
    """
    features, classes = overlapping(400, width=64)
    scores = {count: decide(features[:count], classes[:count], None, Alignment()).logme for count in (20, 40, 300, 400)}
    assert abs(scores[40] - scores[20]) > 1 > 20 * abs(scores[400] - scores[300])  # type: ignore[operator]
    few = decide(features[:40], classes[:40], before(scores[20]), Alignment())
    assert not few.update and "no more labels than the features are wide" in few.reason
    many = decide(features, classes, before(scores[300]), Alignment())
    assert many.update and "wide" not in many.reason


def test_after_an_update_the_history_of_logme_begins_again() -> None:
    features, classes = overlapping()
    now = score_of(features, classes)
    verdict = decide(features, classes, before(now, update=True, updates=1), Alignment(max_updates=3))
    assert not verdict.update and verdict.previous_logme is None and verdict.updates == 1


@pytest.mark.parametrize(("max_updates", "updates", "fires"), [(1, 1, False), (2, 1, True), (2, 2, False)])
def test_the_number_of_updates_is_limited(max_updates: int, updates: int, fires: bool) -> None:
    features, classes = overlapping()
    previous = before(score_of(features, classes), updates=updates)
    verdict = decide(features, classes, previous, Alignment(max_updates=max_updates))
    assert (verdict.update, verdict.updates) == (fires, updates + fires)
    assert ("max_updates" in verdict.reason) == (not fires)
    assert verdict.change == 0.0


def test_the_last_cycle_makes_no_features_that_nothing_is_chosen_with() -> None:
    features, classes = overlapping()
    previous = before(score_of(features, classes))
    verdict = decide(features, classes, previous, Alignment(), asks_again=False)
    assert not verdict.update and "no more labels" in verdict.reason and verdict.change == 0.0


def test_holdout_without_accuracies_is_one_whose_updates_are_used_up() -> None:
    verdict = decide(*overlapping(), before(updates=1), Alignment(mode="holdout"))
    assert not verdict.update and "recomputed once" in verdict.reason


def test_the_pool_gives_the_standardisation() -> None:
    features, classes = overlapping()
    mean, deviation = np.full(WIDTH, 0.2), np.linspace(0.5, 2, WIDTH)
    own, pools = (decide(features, classes, None, Alignment(), *args) for args in ((), (mean, deviation)))
    expected = potential_energy_decline(features, classes, mean, deviation)
    assert pools.ped_changes == expected.changes != own.ped_changes


def test_the_record_is_plain_and_is_read_back_by_the_next_cycle() -> None:
    features, classes = overlapping()
    first = decide(features, classes, None, Alignment())
    data = canonical_json(first.as_json())
    assert json.loads(data).keys() == AlignmentVerdict.model_fields.keys() - {"tuning"}
    second = decide(features, classes, AlignmentVerdict.from_json(data, "alignment.json"), Alignment())
    assert second.update and second.previous_logme == first.logme and second.change == 0.0
    assert (second.labelled, second.width) == (200, WIDTH)


@pytest.mark.parametrize("mode", ["absolute", "relative", "holdout"])
def test_positions_that_are_named_decide_alone(mode: Any) -> None:
    settings = Alignment(mode=mode, update_at=[60, 90], max_updates=2)
    previous, found = None, []
    for count in (40, 70, 80, 120, 200):
        previous = decide(*overlapping(count), previous, settings)
        found.append((previous.update, previous.updates))
    assert found == [(False, 0), (True, 1), (False, 1), (True, 2), (False, 2)]
    with pytest.raises(ValueError, match="max_updates allows 1"):
        Alignment(update_at=[60, 90])
    with pytest.raises(ValueError, match="rising"):
        Alignment(update_at=[90, 60], max_updates=2)
