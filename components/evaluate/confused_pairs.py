"""What the model confuses: as pairs, a sample that it mistakes and one of the class that it takes it for, and by id."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.campaign.cycle_metrics import ConfusedPair, MistakenSamples
from labelcycle.components.core.features.map_coordinates import draw_by_id
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.evaluate.measured import MeasuredModel
from labelcycle.components.evaluate.test_features import Features

MOST_PAIRS = 6
"""Kinds of mistakes that are shown, the most frequent first."""

DIGITS = 4
"""Of confidences, so that the last bits of sums do not show."""


MOST_DRAWN = 1500
"""Test samples, drawn by id, of which the mistaken ones are kept: more would hide the map on which they are shown."""


def mistaken_samples(measured: MeasuredModel, most: int = MOST_DRAWN) -> MistakenSamples:
    """Test samples that the model takes for another class, among so many drawn by id; the same for any order."""
    drawn = draw_by_id(pa.chunked_array([pa.array(measured.ids, pa.string())]), most)
    wrong = measured.probabilities.argmax(axis=1) != measured.targets
    mistaken = {measured.ids[row] for row in np.flatnonzero(wrong)}
    return MistakenSamples(drawn=len(drawn), sample_ids=[name for name in drawn if name in mistaken])


def confused_pairs(
    measured: MeasuredModel, classes: list[str], labelled: Mapping[str, str], features: Features | None, alike: bool
) -> list[ConfusedPair]:
    """The most frequent mistakes, each with the test sample that the model is surest of and a labelled one beside it.

    Args:
        measured: the model on the test set.
        classes: of the campaign.
        labelled: class by id of the samples to learn from.
        features: theirs; None where no feature space holds them.
        alike: whether these are of the same space as those of the test samples. The labelled sample is then the most
            similar one of its class, else any.

    Returns:
        Pairs in the order of the report's mistakes; the same for any order of rows.

    Cost: for each pair one pass over the labelled samples of a class.
    """
    predicted = measured.probabilities.argmax(axis=1)
    confidence = measured.probabilities.max(axis=1)
    confusion = np.array(measured.figures.confusion)
    np.fill_diagonal(confusion, 0)
    cells = sorted((-count, row, column) for (row, column), count in np.ndenumerate(confusion) if count)
    pairs = []
    for count, true, taken_for in cells[:MOST_PAIRS]:
        rows = np.flatnonzero((measured.targets == true) & (predicted == taken_for))
        surest = min(rows, key=lambda row: (-round(float(confidence[row]), DIGITS), measured.ids[row]))
        vector = measured.vectors[surest] if alike else None
        pairs.append(
            ConfusedPair(
                true=classes[true],
                predicted=classes[taken_for],
                count=-int(count),
                sample_id=measured.ids[surest],
                confidence=round(float(confidence[surest]), DIGITS),
                like=_like(classes[taken_for], vector, labelled, features),
            )
        )
    return pairs


def _like(
    name: str, vector: npt.NDArray[np.float16] | None, labelled: Mapping[str, str], features: Features | None
) -> str | None:
    """A labelled sample of the class: the nearest one, or without a vector the first of a random order by id."""
    known = [] if features is None else features.ids
    rows = [row for row, sample_id in enumerate(known) if labelled[sample_id] == name]
    if features is None or not rows:
        return None
    if vector is None:
        order = keyed_order([known[row] for row in rows], "confused pairs")
        return known[rows[int(order.argmin())]]
    distance = ((features.vectors[rows].astype(np.float64) - vector.astype(np.float64)) ** 2).sum(axis=1)
    return known[rows[int(np.round(distance, DIGITS).argmin())]]
