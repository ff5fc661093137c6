"""Test accuracy within a loop of a data selection, by the number of training batches spent so far in all loops."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.cycle_metrics import BatchMetrics
from labelcycle.components.core.config.selection_loops import DataSelection, measured_features, measured_head
from labelcycle.components.core.config.trainers import LinearTrainer
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.storage.tables import column_to_matrix, table_in


def batch_points(
    work: Attempt, settings: DataSelection, features: npt.NDArray[np.floating], truth: npt.NDArray[np.int64]
) -> list[BatchMetrics]:
    """The points of this cycle's loop.

    A trainer on features leaves a head for each point. A tuned backbone is measured on the whole test set at the loop's
    end alone, since each point would take another pass over the test images; within the loop on those of which
    training has left features.

    Args:
        work: the attempt, trained.
        settings: of the recipe.
        features: those of the test samples, (N, d).
        truth: their class indices, (N,).
    """
    points = settings.points(work.cycle)
    found = []
    if isinstance(work.campaign.recipe.trainer, LinearTrainer):
        heads = {batches: measured_head(batches) for batches in points}
    else:
        heads = {points[-1]: "head.safetensors"}
        if settings.measured_samples is not None:
            found = [_on_some(work, settings, batches) for batches in points[:-1]]
    for batches, name in heads.items():
        head = LinearHead.from_bytes(work.read(name))
        found.append(BatchMetrics(batches=batches, **point_metrics(head.probabilities(features), truth, settings)))
    return found


def _on_some(work: Attempt, settings: DataSelection, batches: int) -> BatchMetrics:
    """A point within the loop, on the test samples of which training has left features."""
    table = table_in(work.read(measured_features(batches)))
    tested = work.tested()
    ids = table["sample_id"].to_pylist()
    rows = [row for row, name in enumerate(ids) if name in tested]
    truth = np.array([work.campaign.classes.index(tested[ids[row]]) for row in rows], np.int64)
    head = LinearHead.from_bytes(work.read(measured_head(batches)))
    features = column_to_matrix(table["feature"])[rows].astype(np.float16)
    probabilities = head.probabilities(features)
    return BatchMetrics(batches=batches, test_samples=len(rows), **point_metrics(probabilities, truth, settings))


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
