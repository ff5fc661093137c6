"""The Parquet files of a feature space: parts, which hold rows of features, and tables of samples that were set aside.

Each is named by its ids and by its content, written once, and read against the digest in its name.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.digests import digest_of_bytes, digest_of_json
from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.core.features.space_index import IndexedPart
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import read_named
from labelcycle.components.core.storage.parquet_files import open_parquet
from labelcycle.components.core.storage.tables import (
    QUARANTINE,
    column_to_matrix,
    features_bytes,
    features_schema,
    matrix_to_column,
    table_bytes,
    with_schema,
)

NAME = re.compile(r"(?:part|quarantine)-[0-9a-f]{16}-[0-9a-f]{16}\.parquet")

WRITE_AGAIN = (
    "Delete it and run again: embed writes it again; imported features are written by the same labelcycle init."
)


class PartFiles:
    """The files of one space of a store."""

    def __init__(self, store: Store, space: str) -> None:
        self._store = store
        self.folder = f"spaces/{space}"

    def add(self, ids: Sequence[str], features: npt.NDArray[np.float16]) -> tuple[IndexedPart, pa.Array] | None:
        """Write rows as a part; what it holds, and the ids, or None where there is a part of these ids already.

        Args:
            ids: B sample ids, B ≥ 1.
            features: float16, shape (B, d).

        Raises:
            InputError: a value is NaN or infinite; the samples are named.
        """
        bad = ~np.isfinite(features).all(axis=1)
        if bad.any():
            names = ", ".join(repr(ids[row]) for row in np.flatnonzero(bad)[:5])
            raise InputError(
                f"{int(bad.sum())} feature vectors hold NaN or infinite values (or values beyond float16's ±65504): "
                f"{names}. Mend or remove these samples."
            )
        column = pa.array(ids, pa.string())
        table = pa.table([column, matrix_to_column(features)], schema=features_schema(features.shape[1]))
        name = f"part-{digest_of_json(list(ids))[:16]}"
        if self._store.keys(f"{self.folder}/{name}-"):
            return None
        data = features_bytes(table)
        digest = digest_of_bytes(data)
        name = f"{name}-{digest[:16]}.parquet"
        self._store.write(f"{self.folder}/{name}", data)
        return _described(name, digest, column, features.shape[1]), column

    def read(self, name: str) -> tuple[pa.Array, npt.NDArray[np.float16]]:
        """Ids and features of a part.

        Raises:
            CampaignError: it is damaged, or none of labelcycle's.
        """
        table, _ = self._table(name)
        return table["sample_id"].combine_chunks(), column_to_matrix(table["feature"]).astype(np.float16, copy=False)

    def describe(self, name: str) -> tuple[IndexedPart, pa.Array]:
        """What a part holds, and its ids; as `read`."""
        table, digest = self._table(name)
        column = table["sample_id"].combine_chunks()
        return _described(name, digest, column, table.schema.field("feature").type.list_size), column

    def set_aside(self, rows: list[dict[str, str]]) -> None:
        """Write a table of unreadable samples: sample_id, uri and reason of each."""
        data = table_bytes(pa.Table.from_pylist(rows, schema=QUARANTINE))
        ids = digest_of_json([row["sample_id"] for row in rows])[:16]
        self._store.write(f"{self.folder}/quarantine-{ids}-{digest_of_bytes(data)[:16]}.parquet", data)

    def were_set_aside(self, names: Iterable[str] | None = None) -> list[dict[str, str]]:
        """Unreadable samples, sorted by id, of the tables of these names; None for all that there are."""
        if names is None:
            names = [key.rpartition("/")[2] for key in self._store.keys(f"{self.folder}/quarantine-")]
        rows: dict[str, dict[str, str]] = {}
        for name in names:
            rows |= {row["sample_id"]: row for row in self._table(name)[0].to_pylist()}
        return [rows[sample_id] for sample_id in sorted(rows)]

    def _table(self, name: str) -> tuple[pa.Table, str]:
        """The table of that name, which ends in the digest that its content must have; and that digest in full."""
        key = f"{self.folder}/{name}"
        if not NAME.fullmatch(name):
            raise CampaignError(
                f"{self._store.locate(key)} is none of labelcycle's files: its name does not end in the digest of its "
                "content. Move it elsewhere and run again."
            )
        try:
            data = read_named(self._store, key, WRITE_AGAIN, once=False)
            with open_parquet(data, once=False) as file:
                schema = _schema_of(file.schema_arrow, name)
                table = with_schema(file.read(schema.names, use_threads=False), schema)
                table.validate(full=True)
                return table, digest_of_bytes(data)
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise CampaignError(f"{self._store.locate(key)} is damaged: {error}. {WRITE_AGAIN}") from error


def _described(name: str, sha256: str, ids: pa.Array, width: int) -> IndexedPart:
    ends = pc.min_max(ids).as_py()
    first, last = ends["min"] or "", ends["max"] or ""
    return IndexedPart(name=name, rows=len(ids), width=width, first=first, last=last, sha256=sha256)


def _schema_of(found: pa.Schema, name: str) -> pa.Schema:
    """The schema that the table of that name must have.

    Raises:
        KeyError, ValueError: its features are no vectors of one width.
    """
    if name.startswith("quarantine-"):
        return QUARANTINE
    vectors = found.field("feature").type
    if not pa.types.is_fixed_size_list(vectors):
        raise ValueError(f"its features are {vectors}")
    return features_schema(vectors.list_size)
