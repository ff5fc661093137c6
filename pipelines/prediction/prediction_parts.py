"""The parts of a prediction as Parquet files, whose names end in the digest of their content.

A part that is there and sound is kept. Where two runs have written different bytes of one part, on different hardware,
the first in the order of their names counts, until the commit names one for good.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import one_after_another
from labelcycle.components.core.storage.erasures import digests_after
from labelcycle.components.core.storage.objects import ObjectReference, Record, read_object, read_sealed, sealed
from labelcycle.components.core.storage.tables import table_bytes, table_in
from labelcycle.pipelines.models.prediction_files import Predictions
from labelcycle.pipelines.prediction.prediction_plan import FOLDER, PredictionPlan

PART = re.compile(r"part-(\d{6})-([0-9a-f]{16})\.parquet")

REMEDY = "Delete it and run the prediction again: the part is then made again."


class PredictionPart(Record):
    """A part: its object, and how many rows of it have no prediction."""

    object: ObjectReference
    rows: int
    unreadable: int


class PredictionCommit(Record):
    """A whole prediction: written last and once, so that it is there if and only if all parts are.

    Attributes:
        plan: what it is of.
        parts: in the order of the ids.
    """

    plan: PredictionPlan
    parts: list[PredictionPart]

    @property
    def unreadable(self) -> int:
        """How many samples have no prediction."""
        return sum(part.unreadable for part in self.parts)


def prediction_schema(plan: PredictionPlan) -> pa.Schema:
    """One row a sample, sorted by id, the same in all parts of a prediction.

    Without a prediction `predicted`, `confidence` and `probabilities` are null, and `reason` says why. `probabilities`
    are in the order of the classes, which the metadata name under `classes`.
    """
    return pa.schema(
        [
            pa.field("sample_id", pa.string(), nullable=False),
            pa.field("predicted", pa.string()),
            pa.field("confidence", pa.float32()),
            pa.field("probabilities", pa.list_(pa.float32())),
            pa.field("reason", pa.string()),
            pa.field("model_cycle", pa.int32(), nullable=False),
            pa.field("model_commit", pa.string(), nullable=False),
        ],
        metadata={"classes": json.dumps(plan.classes, ensure_ascii=False)},
    )


def prediction_table(plan: PredictionPlan, predictions: Predictions) -> pa.Table:
    """The rows of a part.

    Args:
        plan: of the prediction.
        predictions: B samples, sorted by id.
    """
    found = predictions.probabilities
    missing = np.array([reason is not None for reason in predictions.reasons], dtype=bool)
    safe = np.where(missing[:, None], np.float32(0), found)
    rows = len(missing)
    columns = [
        pa.array(predictions.images, pa.string()),
        pa.array([plan.classes[number] for number in safe.argmax(axis=1)], pa.string(), mask=missing),
        pa.array(safe.max(axis=1), pa.float32(), mask=missing),
        probabilities_column(found, missing),
        pa.array(predictions.reasons, pa.string()),
        pa.array(np.full(rows, plan.model_cycle, np.int32)),
        pa.array([plan.model_commit] * rows, pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=prediction_schema(plan))


def probabilities_column(probabilities: npt.NDArray[np.float32], missing: npt.NDArray[np.bool_]) -> pa.ListArray:
    """Rows as lists, null where missing. Parquet cannot keep nulls among lists of a fixed size."""
    ends = np.concatenate([[0], np.cumsum(~missing)]) * probabilities.shape[1]
    values = pa.array(probabilities[~missing].ravel(), pa.float32())
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values, mask=pa.array(missing))


def write_part(store: Store, name: str, number: int, table: pa.Table) -> None:
    """Store a part under its number and the digest of its bytes."""
    data = table_bytes(table)
    store.write(f"{FOLDER}/{name}/part-{number:06d}-{digest_of_bytes(data)[:16]}.parquet", data)


class FoundParts:
    """The parts of a prediction that were there when they were listed.

    Cost: one listing, and a read of each part that is asked for.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._keys: dict[int, list[str]] = {}
        for key in store.keys(f"{FOLDER}/{name}/part-"):
            if match := PART.fullmatch(key.rpartition("/")[2]):
                self._keys.setdefault(int(match[1]), []).append(key)

    def sound(self, number: int) -> PredictionPart | None:
        """The first part of this number whose content is what its name says, or what an erasure left."""
        for key in self._keys.get(number, []):
            data = self._store.read(key)
            digest = digest_of_bytes(data)
            named = PurePosixPath(key).stem.rpartition("-")[2]
            if digest.startswith(named) or digest in digests_after(self._store, key):
                reasons = table_in(data, ["reason"])["reason"]
                unreadable = len(reasons) - reasons.null_count
                reference = ObjectReference(key=key, sha256=digest)
                return PredictionPart(object=reference, rows=len(reasons), unreadable=unreadable)
        return None


def commit_key(name: str) -> str:
    """Where the commit of a prediction is."""
    return f"{FOLDER}/{name}/commit.json"


def write_prediction_commit(store: Store, commit: PredictionCommit) -> PredictionCommit:
    """Commit a prediction by a conditional write. Returns the commit that counts: this one, or one that came before."""
    key = commit_key(commit.plan.name)
    if store.write_if_absent(key, sealed(commit.model_dump(mode="json"))):
        return commit
    return read_prediction_commit(store, commit.plan.name) or commit


def read_prediction_commit(store: Store, name: str) -> PredictionCommit | None:
    """The commit of a prediction; None while it is not whole.

    Raises:
        CampaignError: it was changed.
    """
    remedy = "Delete it and run the prediction again."
    return read_sealed(store, commit_key(name), PredictionCommit, "the commit of a prediction", remedy)


def tables_of(store: Store, commit: PredictionCommit, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The parts of a whole prediction, one after another.

    Args:
        store: the campaign's.
        commit: names the parts.
        columns: names of those that are wanted; None for all.

    Raises:
        CampaignError: a part is gone or was changed.

    Cost: memory for a few parts.
    """

    def read(part: PredictionPart) -> pa.Table:
        data = read_object(store, part.object, REMEDY)
        try:
            return table_in(data, None if columns is None else list(columns))
        except (pa.ArrowException, OSError, ValueError) as error:
            raise CampaignError(
                f"{store.locate(part.object.key)} is no part of a prediction: {error}. {REMEDY}"
            ) from error

    yield from one_after_another(read, commit.parts)


def predictions_in(table: pa.Table, classes: Sequence[str]) -> Predictions:
    """The rows of a part as a batch, for a file of predictions.

    Args:
        table: of a part, with all columns.
        classes: C names.
    """
    return Predictions(
        table["sample_id"].to_pylist(), probabilities_in(table, len(classes)), table["reason"].to_pylist()
    )


def probabilities_in(table: pa.Table, classes: int) -> npt.NDArray[np.float32]:
    """The probabilities of a part: float32 (B, C); rows of NaN where there is no prediction."""
    column: Any = table["probabilities"].combine_chunks()
    there = column.is_valid().to_numpy(zero_copy_only=False)
    found = np.full((len(column), classes), np.nan, np.float32)
    found[there] = column.drop_null().flatten().to_numpy(zero_copy_only=False).reshape(-1, classes)
    return found
