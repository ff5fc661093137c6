"""Test accuracy within a loop of a data selection, by the number of training batches spent so far in all loops."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.cycle_metrics import BatchMetrics
from labelcycle.components.core.config.trainers import DataSelection, LinearTrainer, measured_head
from labelcycle.components.core.models.head import LinearHead


def batch_points(
    work: Attempt, settings: DataSelection, features: npt.NDArray[np.floating], truth: npt.NDArray[np.int64]
) -> list[BatchMetrics]:
    """The points of this cycle's loop.

    A trainer on features leaves a head for each point; a tuned backbone is measured at the loop's end alone, since
    each point would take another pass over the test images.

    Args:
        work: the attempt, trained.
        settings: of the recipe.
        features: those of the test samples, (N, d).
        truth: their class indices, (N,).
    """
    points = settings.points(work.cycle)
    if not isinstance(work.campaign.recipe.trainer, LinearTrainer):
        heads = {points[-1]: "head.safetensors"}
    else:
        heads = {batches: measured_head(batches) for batches in points}
    found = []
    for batches, name in heads.items():
        head = LinearHead.from_bytes(work.read(name))
        found.append(BatchMetrics(batches=batches, **point_metrics(head.probabilities(features), truth, settings)))
    return found


def point_metrics(
    probabilities: npt.NDArray[np.floating], truth: npt.NDArray[np.int64], settings: DataSelection
) -> dict[str, float]:
    """The figures of one point.

    `accuracy` always; where one class is told from the rest also `target_accuracy`, on that class alone, and
    `balanced_accuracy`, the mean of the two sides: whoever always says "rest" has a high accuracy where the target is
    rare. A side without test samples counts as 0.

    Args:
        probabilities: (N, C); of two classes, the target is the first.
        truth: class indices, (N,).
        settings: of the recipe.

    Source: VeCAF, table 2.
    """
    right = probabilities.argmax(axis=1) == truth
    metrics = {"accuracy": float(right.mean())}
    if settings.objective == "one_vs_rest":
        sides = [float(right[truth == side].mean()) if (truth == side).any() else 0.0 for side in (0, 1)]
        metrics |= {"target_accuracy": sides[0], "balanced_accuracy": sum(sides) / 2}
    return metrics
