"""The pool's predictions as candidates for labels by machine, read part by part: 18 bytes a sample stay in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.history_tables import read_requests
from labelcycle.components.core.campaign.starting_labels import starting_votes
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.autolabel.confidence_calibration import Calibration
from labelcycle.pipelines.prediction.prediction_parts import PredictionCommit, probabilities_in, tables_of

COLUMNS = ("sample_id", "predicted", "probabilities")


@dataclass(frozen=True)
class MachineLabels:
    """What could be labelled by machine; all arrays are of one length, in the order of the ids of the pool.

    Attributes:
        confidence: calibrated, float32; NaN where people were asked, or there is no prediction.
        keys: the random order of audits.
        pool: samples of the pool.
        unlabelled: samples that people were not asked about.
    """

    confidence: npt.NDArray[np.float32]
    keys: npt.NDArray[np.uint64]
    pool: int
    unlabelled: int


def machine_labels(
    store: Store, state: State, prediction: PredictionCommit, calibration: Calibration, number: int
) -> MachineLabels:
    """Read a prediction of the pool.

    Args:
        store: the campaign's.
        state: the campaign's; what it has asked people is left out.
        prediction: of the pool.
        calibration: of its model.
        number: of the plan, on which the random order depends besides the campaign's seed.

    Cost: reads every part once; memory for a few parts, what people were asked, and 12 bytes a sample.
    """
    asked = pa.array(sorted(_asked(store, state)), pa.string())
    confidences, keys = [], []
    unlabelled = 0
    for table in tables_of(store, prediction, COLUMNS):
        mine = pc.invert(pc.is_in(table["sample_id"], value_set=asked)).to_numpy(zero_copy_only=False)
        unlabelled += int(mine.sum())
        found = calibrated_confidence(probabilities_in(table, len(prediction.plan.classes)), calibration.temperature)
        confidences.append(np.where(mine, found, np.float32(np.nan)))
        keys.append(keyed_order(table["sample_id"].to_pylist(), state.campaign.seed, "autolabel", number))
    confidence = np.concatenate(confidences) if confidences else np.empty(0, np.float32)
    order = np.concatenate(keys) if keys else np.empty(0, np.uint64)
    return MachineLabels(confidence, order, len(confidence), unlabelled)


def _asked(store: Store, state: State) -> set[str]:
    """Samples that people were asked about, or whose labels were known, or that were withdrawn."""
    later = state.commits[state.history.cycles :]
    asked = set(read_requests(store, state.history, later)["sample_id"].to_pylist())
    asked |= {vote.sample_id for vote in starting_votes(store, state.campaign)}
    return asked | read_withdrawn(store, state.campaign).ids


def calibrated_confidence(probabilities: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float32]:
    """The probability of the likeliest class at a temperature: (B, C) → (B,); NaN stays.

    Args:
        probabilities: a model's, at temperature 1.
        temperature: what its logits are divided by.
    """
    powers = probabilities.astype(np.float64) ** (1.0 / temperature)
    return np.asarray((powers.max(axis=1) / powers.sum(axis=1)).astype(np.float32))


def tables_of_rows(
    store: Store,
    prediction: PredictionCommit,
    rows: npt.NDArray[np.int64],
    values: dict[str, npt.NDArray[np.generic]],
) -> Iterator[pa.Table]:
    """Id and predicted class of some rows of a prediction, with what is known of each: a table for each of its parts.

    Args:
        store: the campaign's.
        prediction: the prediction.
        rows: ascending, (S,).
        values: further columns, (S,) each.

    Cost: as `machine_labels`.
    """
    start = 0
    for table in tables_of(store, prediction, COLUMNS[:2]):
        low, high = np.searchsorted(rows, [start, start + table.num_rows])
        if high > low:
            taken = table.take(pa.array(rows[low:high] - start))
            columns = {"sample_id": taken["sample_id"], "label": taken["predicted"]}
            yield pa.table(columns | {name: pa.array(value[low:high]) for name, value in values.items()})
        start += table.num_rows
