"""Parquet tables in a store: their schemas, how they are read and written, and matrices in their columns."""

import io

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, read_object, write_object
from labelcycle.components.core.storage.parquet_files import open_parquet


def table_bytes(table: pa.Table) -> bytes:
    """The table as one Parquet file; equal tables give equal bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", compression_level=1)
    return buffer.getvalue()


def features_bytes(table: pa.Table) -> bytes:
    """A table of features as one Parquet file; equal tables give equal bytes.

    Vectors repeat no numbers, so that a dictionary of these would only be in the way; floats compress better with the
    first bytes of all of them before the second ones. Of ids only what differs from the one before is kept.
    """
    buffer = io.BytesIO()
    encoding = {"sample_id": "DELTA_BYTE_ARRAY", "feature.list.element": "BYTE_STREAM_SPLIT"}
    pq.write_table(
        table, buffer, compression="zstd", compression_level=1, use_dictionary=False, column_encoding=encoding
    )
    return buffer.getvalue()


def write_table(store: Store, key: str, table: pa.Table) -> ObjectReference:
    """Store the table as Parquet under `key`."""
    return write_object(store, key, table_bytes(table))


def table_in(data: bytes, columns: list[str] | None = None) -> pa.Table:
    """The table in the bytes of a Parquet file; of `columns` where they are given.

    It is read in this thread alone. Arrow's own threads would let go of Python's bytes a moment later, and a process
    that ends in that moment is aborted.

    Raises:
        pa.ArrowException, OSError: these are no such bytes.
        ValueError: they would come to far more in memory than they are.
    """
    with open_parquet(data, once=False) as file:
        return file.read(columns, use_threads=False)


def read_table(store: Store, reference: ObjectReference, schema: pa.Schema) -> pa.Table:
    """The columns of `schema` in the table that `reference` names, its digest checked, as `with_schema` reads it.

    Raises:
        CampaignError: missing, changed, not Parquet, or of another schema.
    """
    data = read_object(store, reference)
    try:
        table = with_schema(table_in(data, schema.names), schema)
        table.validate(full=True)
        return table
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise CampaignError(f"{store.locate(reference.key)} is not the expected table: {error}") from error


def with_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly the columns of `schema`, in its order and types.

    A nullable column that the table lacks, because an earlier version wrote it, is null.

    Raises:
        KeyError: another column is missing.
        pa.ArrowException, ValueError: a column has another type, or nulls where there must be none.
    """
    for field in schema:
        if field.nullable and field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table.select(schema.names).cast(schema)


def without_unused(table: pa.Table) -> pa.Table:
    """The table without those of `NOT_ALWAYS` that are null throughout, as tables were before these columns came."""
    unused = [name for name in NOT_ALWAYS if name in table.column_names and table[name].null_count == table.num_rows]
    return table.drop_columns(unused) if unused else table


NOT_ALWAYS = ("recheck",)
"""Columns that a table is written without while they say nothing, so that it keeps the bytes, and the digest, that
earlier versions gave it."""


def matrix_to_column(matrix: npt.NDArray[np.generic]) -> pa.FixedSizeListArray:
    """A (rows, width) array as a fixed-size-list column, without copying rows one by one."""
    rows, width = matrix.shape
    values = pa.array(np.ascontiguousarray(matrix).reshape(rows * width))
    return pa.FixedSizeListArray.from_arrays(values, width)


def column_to_matrix(column: pa.ChunkedArray) -> npt.NDArray[np.generic]:
    """A fixed-size-list column as a (rows, width) array of its value type."""
    width = column.type.list_size
    chunks = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(len(chunk), width) for chunk in column.chunks]
    if not chunks:
        return np.empty((0, width), dtype=column.type.value_type.to_pandas_dtype())
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


POOL = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("uri", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("split", pa.string(), nullable=False),
        pa.field("caption", pa.string()),
        pa.field("group", pa.string()),
    ]
)
"""One row a sample. `split` is `pool`, `val` or `test`; `uri`, `sha256` are null where only embeddings were given."""

TRUTH = pa.schema([pa.field("sample_id", pa.string(), nullable=False), pa.field("label", pa.string(), nullable=False)])
"""Known labels of the `val` and `test` samples, and of the pool where the selector may read them."""

TEST_PREDICTIONS = pa.schema([*TRUTH, pa.field("predicted", pa.string(), nullable=False)]).set(
    1, pa.field("label", pa.string())
)
"""One row a sample of a test set that can grow: its class, null while people have not given it, and the model's."""

LABELS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("annotator", pa.string()),
        pa.field("time", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
    ]
)
"""One row a vote, as cast. `status` is `ok`, `skip`, `unsure` or `withdrawn`; only `ok` rows carry a label."""

CONSENSUS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("votes", pa.int32(), nullable=False),
        pa.field("agreement", pa.float32()),
        pa.field("quality", pa.float32(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
    ]
)
"""One row a sample with votes. `status` is `ok`, `skip`, `unsure` or `disputed`; only `ok` rows have a label, which is
trained on. `votes` counts people, `agreement` is the share of those who gave a class that gave the label, `quality`
from 0 to 1 says how far the label can be relied on."""

QUERY = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("cluster", pa.int32()),
        pa.field("predicted", pa.string()),
        pa.field("confidence", pa.float32()),
        pa.field("represents", pa.int32()),
        pa.field("explore", pa.bool_()),
        pa.field("opinion", pa.int32()),
        pa.field("probabilities", pa.list_(pa.float32())),
        pa.field("recheck", pa.bool_()),
    ]
)
"""One row a sample to be labelled, best first. `predicted` is the model's class at the time of the query; `cluster` is
the number of the cluster that the sample stands for, `represents` how many candidates it stands for, null where there
is none; `explore` says that it was drawn at random. `opinion` counts how often the sample has been asked for, 1 where
it is null; `probabilities` of the classes are kept where the consensus weighs the model. `recheck` is true where a
label is asked for again because the model doubts it, null elsewhere."""

REQUESTS = pa.schema(
    [
        pa.field("cycle", pa.int32(), nullable=False),
        *(QUERY.field(name) for name in ("sample_id", "opinion", "predicted", "probabilities", "recheck")),
    ]
)
"""One row a sample that was asked for, of many queries: the cycle of its query, and columns of `QUERY`."""

QUARANTINE = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("uri", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""Samples that were set aside because they cannot be read, and why."""


def scores_schema(classes: int) -> pa.Schema:
    """Model outputs on the pool for `classes` classes; `predicted` indexes the campaign's class list.

    `mutual_information` and `disagreements` are null where the recipe's scorer makes no passes with dropout, `loss` is
    null where the sample's class is not known.
    """
    return pa.schema(
        [
            pa.field("sample_id", pa.string(), nullable=False),
            pa.field("predicted", pa.int32(), nullable=False),
            pa.field("confidence", pa.float32(), nullable=False),
            pa.field("margin", pa.float32(), nullable=False),
            pa.field("entropy", pa.float32(), nullable=False),
            pa.field("probabilities", pa.list_(pa.float32(), classes), nullable=False),
            pa.field("mutual_information", pa.float32()),
            pa.field("disagreements", pa.int32()),
            pa.field("loss", pa.float32()),
        ]
    )


def scores_name(shard: int, shards: int) -> str:
    """What a shard of the scores is called: of several, each has a range of the order of ids.

    Shards of earlier versions had every so manieth chunk, and are called otherwise, so that the two are never mixed.
    """
    return f"{shard}-of-{shards}" if shards == 1 else f"range-{shard}-of-{shards}"


def features_schema(width: int) -> pa.Schema:
    """One row a sample: its feature vector of `width` float16 values."""
    return pa.schema(
        [
            pa.field("sample_id", pa.string(), nullable=False),
            pa.field("feature", pa.list_(pa.float16(), width), nullable=False),
        ]
    )
