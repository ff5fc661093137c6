"""Labelled history: samples whose classes are known, and how they travel to the arms of a backtest."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.objects import ObjectReference, read_object
from labelcycle.components.core.storage import Store
from labelcycle.components.core.tables import column_to_matrix, matrix_to_column, table_bytes, table_in

SPLITS = ("pool", "val", "test")


@dataclass(frozen=True)
class Labelled:
    """Samples whose classes are known.

    Attributes:
        ids: N distinct sample ids, sorted.
        features: float16, (N, d).
        classes: int64, (N,), indices into the history's classes.
    """

    ids: npt.NDArray[np.str_]
    features: npt.NDArray[np.float16]
    classes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class History:
    """What a backtest replays.

    Attributes:
        source: where it comes from, for people.
        classes: C names.
        pool: the samples that strategies choose from.
        val: the samples that choose the best epoch; may be empty.
        test: the samples that measure every model.
    """

    source: str
    classes: list[str]
    pool: Labelled
    val: Labelled
    test: Labelled


def write_history(store: Store, history: History) -> ObjectReference:
    """Store the samples as one Parquet table, named by its content."""
    parts = [getattr(history, split) for split in SPLITS]
    columns = {
        "sample_id": pa.array([str(name) for part in parts for name in part.ids], pa.string()),
        "split": pa.array([split for split, part in zip(SPLITS, parts, strict=True) for _ in part.ids], pa.string()),
        "class": pa.array(np.concatenate([part.classes for part in parts]), pa.int32()),
        "feature": matrix_to_column(np.concatenate([part.features for part in parts])),
    }
    data = table_bytes(pa.table(columns))
    reference = ObjectReference(key=f"history/{digest_of_bytes(data)[:16]}.parquet", sha256=digest_of_bytes(data))
    if not store.exists(reference.key):
        store.write(reference.key, data)
    return reference


def read_history(store: Store, reference: ObjectReference, source: str, classes: list[str]) -> History:
    """The history that `write_history` stored.

    Raises:
        CampaignError: the table is gone or was changed.

    Cost: memory for the features, twice while they are read.
    """
    table = table_in(read_object(store, reference))
    parts = []
    for split in SPLITS:
        rows = table.filter(pc.equal(table["split"], split))
        parts.append(
            Labelled(
                ids=np.array(rows["sample_id"].to_pylist(), dtype=np.str_),
                features=column_to_matrix(rows["feature"]).astype(np.float16, copy=False),
                classes=rows["class"].to_numpy().astype(np.int64),
            )
        )
    return History(source, classes, *parts)
