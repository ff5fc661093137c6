"""The decision to recompute features, with every quantity that it rests on and the reason in words.

Source: ASVP, section 5 (PED, LogME and the absolute threshold of 1). The share of LogME's size and the comparison on a
validation split are ours: with classes that all overlap, PED takes one step only from about 101 classes on, and
without the spanned directions of every round LogME moves until there are more labels than features are wide.
Cost: that of PED and LogME on the labelled features; the comparison costs nothing beside its two trainings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.campaign.training import AlignmentQuantities, AlignmentVerdict
from labelcycle.components.core.config.recipe import Alignment
from labelcycle.components.train_adapter.alignment.logme import logme
from labelcycle.components.train_adapter.alignment.ped import potential_energy_decline

SMALLEST_SIZE = 1e-12
"""The least size of a LogME that a change is divided by."""

FEW_LABELS = " (with no more labels than the features are wide, LogME moves with the number of labels)"


@dataclass(frozen=True)
class Accuracies:
    """What a linear probe and a fine-tuned model reach on the validation split."""

    probe: float
    tuned: float


def updates_before(previous: AlignmentVerdict | None) -> int:
    """How often features had been recomputed when `previous`, the verdict of the cycle before, was given."""
    return 0 if previous is None else previous.updates


def may_update(settings: Alignment, previous: AlignmentVerdict | None) -> bool:
    """Whether the recipe allows another fine-tuning after the cycle of `previous`."""
    return updates_before(previous) < settings.max_updates


def decide(
    features: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    previous: AlignmentVerdict | None,
    settings: Alignment,
    pool_mean: npt.NDArray[np.floating] | None = None,
    pool_deviation: npt.NDArray[np.floating] | None = None,
    accuracies: Accuracies | None = None,
    same_classes: bool = True,
    asks_again: bool = True,
) -> AlignmentVerdict:
    """Decide for one cycle; the same inputs give the same verdict.

    Args:
        features: of the labelled samples in the current space, (N, D), N ≥ 1.
        classes: their class indices, (N,).
        previous: the verdict of the cycle before, None in the first. After an update it does not count as a LogME
            before this one, because that was measured on other features.
        settings: mode, threshold, and how many updates there may be.
        pool_mean: (D,), of the pool's features, which PED standardises by; by default of `features`.
        pool_deviation: (D,), their standard deviation.
        accuracies: for `holdout`, which needs nothing else; None where no update can follow.
        same_classes: whether the cycle before had the same classes; else its LogME, which is a mean over classes, does
            not count either.
        asks_again: whether this cycle asks for labels. New features are for choosing, so the last cycle makes none.

    Raises:
        InputError: no samples, or another number of classes than of features.
    """
    done = updates_before(previous)
    if settings.mode == "holdout" and settings.update_at:
        quantities, update, reason = AlignmentQuantities(), False, ""
    elif settings.mode == "holdout":
        quantities, update, reason = _compare(accuracies, settings.limit)
    else:
        before = None if previous is None or previous.update or not same_classes else previous.logme
        quantities, update, reason = _measure(features, classes, before, settings, pool_mean, pool_deviation)
    if settings.update_at:
        update, reason = _at_positions(settings.update_at, done, len(features))
    if not may_update(settings, previous):
        times = "once" if done == 1 else f"{done} times"
        update, reason = False, f"features have been recomputed {times}, as often as max_updates allows"
    elif not asks_again:
        update, reason = False, "this cycle asks for no more labels, so nothing is left to choose with new features"
    samples, width = features.shape
    return AlignmentVerdict(
        update=update,
        reason=reason,
        mode=settings.mode,
        threshold=settings.limit,
        updates=done + update,
        labelled=samples,
        width=width,
        **quantities.model_dump(),
    )


def _at_positions(positions: Sequence[int], done: int, labelled: int) -> tuple[bool, str]:
    """Whether the next position of the recipe is reached, and that in words."""
    if done >= len(positions):
        return False, "features have been recomputed at all labels that update_at names"
    reached = labelled >= positions[done]
    return reached, f"update_at names {positions[done]} labels, and there are {labelled}"


def _compare(accuracies: Accuracies | None, limit: float) -> tuple[AlignmentQuantities, bool, str]:
    if accuracies is None:
        return AlignmentQuantities(), False, "not compared"
    gap = accuracies.tuned - accuracies.probe
    quantities = AlignmentQuantities(probe_accuracy=accuracies.probe, tuned_accuracy=accuracies.tuned, gap=gap)
    reached = (
        f"fine-tuning reaches {accuracies.tuned:.4f} on the validation split, linear probing {accuracies.probe:.4f}"
    )
    if gap > limit:
        return quantities, True, f"{reached}: a gap of {gap:.4f}, more than {limit:g}"
    return quantities, False, f"{reached}: a gap of {gap:.4f}, not more than {limit:g}"


def _measure(
    features: npt.NDArray[np.floating],
    classes: npt.NDArray[np.integer],
    before: float | None,
    settings: Alignment,
    pool_mean: npt.NDArray[np.floating] | None,
    pool_deviation: npt.NDArray[np.floating] | None,
) -> tuple[AlignmentQuantities, bool, str]:
    """PED and LogME. LogME is computed even where PED decides alone, so that the next cycle has one to compare with."""
    motion = potential_energy_decline(features, classes, pool_mean, pool_deviation)
    score = logme(motion.features, classes)
    quantities = AlignmentQuantities(
        ped_steps=motion.steps,
        ped_within_one_step=motion.steps <= 1,
        ped_changes=motion.changes,
        logme=score,
        previous_logme=before,
    )
    change, share = 0.0, 0.0
    if before is not None:
        change, share = score - before, abs(score - before) / max(abs(before), SMALLEST_SIZE)
        quantities = quantities.model_copy(update={"change": change, "relative_change": share})
    if motion.steps <= 1:
        return quantities, False, "PED converged within one iteration: fine-tuning would hardly change the features"
    if before is None:
        return quantities, False, "there is no LogME of these features before this one to compare with"
    size = abs(change) if settings.mode == "absolute" else share
    what = "LogME changed by" if settings.mode == "absolute" else "LogME changed by this share of its size:"
    caution = "" if len(features) > features.shape[1] else FEW_LABELS
    if size < settings.limit:
        return quantities, True, f"{what} {size:.4g}, less than {settings.limit:g}: more labels add little{caution}"
    return quantities, False, f"{what} {size:.4g}, not less than {settings.limit:g}: labels still help{caution}"
