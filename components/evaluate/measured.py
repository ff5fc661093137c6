"""What the model is measured by: the test samples that have a label, or an estimate while there are none."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.analysis.accuracy import classification_metrics, reliability
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.cycle_metrics import ClassificationMetrics, ClassMetrics, ReliabilityBin
from labelcycle.components.core.campaign.estimate import AccuracyEstimate, NoEstimate
from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.models.heads import Head
from labelcycle.components.core.storage.tables import POOL, TEST_PREDICTIONS, read_table
from labelcycle.components.evaluate.cross_validation import estimate_accuracy
from labelcycle.components.evaluate.test_features import Features


@dataclass(frozen=True)
class MeasuredModel:
    """The figures of a model.

    Attributes:
        figures: on the test set; without accuracy where there is nothing to test with.
        bins: of the calibration error; None as for the accuracy.
        vectors: features of the test samples that have a label, (N, d).
        targets: their class indices, (N,).
        ids: theirs.
        probabilities: the model's, (N, C).
        test_set: digest of these samples and their classes, where the test set can grow; None elsewhere.
    """

    figures: ClassificationMetrics
    bins: list[ReliabilityBin] | None
    vectors: npt.NDArray[np.float16]
    targets: npt.NDArray[np.int64]
    ids: list[str]
    probabilities: npt.NDArray[np.float32]
    test_set: str | None


def measure(work: Attempt, head: Head, test: Features, tested: dict[str, str]) -> MeasuredModel:
    """Measure a model on the test samples that have a label.

    Where the test set can grow, the predictions for all its samples are written into the attempt, so that a later model
    can be compared with this one on samples that get their labels later.

    Args:
        work: the attempt.
        head: the model's.
        test: all test samples that have features.
        tested: class by id of those that have a label.
    """
    campaign = work.campaign
    index = {name: number for number, name in enumerate(campaign.classes)}
    rows = [row for row, name in enumerate(test.ids) if name in tested]
    targets = np.array([index[tested[test.ids[row]]] for row in rows], dtype=np.int64)
    vectors = test.vectors[rows]
    probabilities = head.probabilities(test.vectors) if test.ids else np.empty((0, len(index)), np.float32)
    test_set = None
    if campaign.test_from_budget:
        work.write_table("test_predictions.parquet", _predictions(test.ids, probabilities, tested, campaign.classes))
        test_set = digest_of_json([[test.ids[row], tested[test.ids[row]]] for row in rows])
    ids, found = [test.ids[row] for row in rows], probabilities[rows]
    if not rows:
        return MeasuredModel(_nothing_measured(campaign.classes), None, vectors, targets, ids, found, test_set)
    bins = reliability(found.max(axis=1), found.argmax(axis=1) == targets)
    figures = classification_metrics(found, targets, campaign.classes)
    return MeasuredModel(figures, bins, vectors, targets, ids, found, test_set)


def estimate(work: Attempt, labelled: dict[str, str], features: Features | None) -> AccuracyEstimate | NoEstimate:
    """What stands in for test accuracy: cross-validated over the labels to learn from.

    Args:
        work: the attempt.
        labelled: class by id of the samples to learn from.
        features: theirs; None where no feature space holds all of them.
    """
    if features is None:
        return NoEstimate(reason="no feature space holds all labelled samples")
    index = {name: number for number, name in enumerate(work.campaign.classes)}
    labels = np.array([index[labelled[name]] for name in features.ids], dtype=np.int64)
    ids = np.array(features.ids, dtype=np.str_)
    groups, chosen = _groups(work, features.ids), _chosen_by_a_strategy(work)
    return estimate_accuracy(ids, features.vectors, labels, len(index), groups, chosen)


def _predictions(
    ids: list[str], probabilities: npt.NDArray[np.float32], tested: dict[str, str], classes: list[str]
) -> pa.Table:
    predicted = [classes[number] for number in probabilities.argmax(axis=1).tolist()]
    return pa.table([ids, [tested.get(name) for name in ids], predicted], schema=TEST_PREDICTIONS)


def _nothing_measured(classes: list[str]) -> ClassificationMetrics:
    return ClassificationMetrics(
        accuracy=None,
        macro_f1=None,
        ece=None,
        test_samples=0,
        classes=[ClassMetrics(name=name, precision=0.0, recall=0.0, f1=0.0, support=0) for name in classes],
        confusion=[[0] * len(classes) for _ in classes],
    )


def _chosen_by_a_strategy(work: Attempt) -> set[str]:
    """Samples that were asked for because a strategy chose them, and not a random draw."""
    recipe, requests = work.campaign.recipe, work.requests()
    requests = requests.filter(pc.is_null(requests["recheck"]))
    first = pc.is_null(requests["predicted"])  # no model asked
    of_cold_start = pc.and_(first, recipe.cold_start.strategy != "random")
    of_selector = pc.and_(pc.invert(first), recipe.selector.strategy != "random")
    found: list[str] = requests.filter(pc.or_(of_cold_start, of_selector))["sample_id"].to_pylist()
    return set(found)


def _groups(work: Attempt, ids: Collection[str]) -> dict[str, str]:
    """The group of each of these samples that has one."""
    schema = pa.schema([POOL.field("sample_id"), POOL.field("group")])
    table = read_table(work.store, work.campaign.pool, schema)
    table = table.filter(pc.and_(pc.is_in(table["sample_id"], pa.array(ids, pa.string())), pc.is_valid(table["group"])))
    return dict(zip(table["sample_id"].to_pylist(), table["group"].to_pylist(), strict=True))
