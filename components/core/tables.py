"""Parquet tables in a store, and matrices inside their columns."""

import io

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.objects import ObjectReference, read_object, write_object
from labelcycle.components.core.parquet_files import open_parquet
from labelcycle.components.core.storage import Store


def table_bytes(table: pa.Table) -> bytes:
    """The table as one Parquet file; equal tables give equal bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", compression_level=1)
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
    """The Parquet table that `reference` names, its digest and its schema checked, as `with_schema` reads it.

    Raises:
        CampaignError: missing, changed, not Parquet, or of another schema.
    """
    data = read_object(store, reference)
    try:
        table = with_schema(table_in(data), schema)
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
