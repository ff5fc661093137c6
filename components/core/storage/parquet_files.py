"""Parquet files from anywhere, opened within bounds: what a file says of itself is checked before it is believed."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelcycle.components.core.storage.without_pandas import arrow_is_there

arrow_is_there()

ALWAYS_ALLOWED = 64 * 1024 * 1024
"""Bytes that a file may hold in memory however small it is on disk."""

LARGEST_EXPANSION = 100
"""Beside that, how many times the bytes on disk may be held in memory. Features and names stay far below."""

LONGEST_LIST = 5000
"""Row groups, or columns, of one file. Arrow reads the tree of columns by recursion; more would overrun its stack."""

DEEPEST = 100
"""Levels of lists and structs within a column."""

BYTES_A_CELL = 8

PLAIN = (
    pa.types.is_null,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_decimal,
)
"""Kinds of cells that are taken as texts, beside numbers and times."""


@contextmanager
def open_parquet(source: Path | bytes, once: bool = True) -> Iterator[pq.ParquetFile]:
    """The Parquet file at a path or in bytes, whose footer is sound and promises no more than the file can hold.

    A page whose own header lies can take 2 GiB beyond the promise, and a list that repeats one number as much as it has
    numbers: neither can be known without reading it.

    Args:
        source: the file.
        once: read columns of text as dictionaries, so that a long text in many rows is held once.

    Raises:
        ValueError: so many rows, row groups, columns or levels that it is a decompression bomb.
        pa.ArrowException, OSError: it is no Parquet file.
    """
    with pq.ParquetFile(_opened(source), thrift_container_size_limit=LONGEST_LIST) as file:
        _refuse_depth(file)
        refuse_expansion(promised_bytes(file.metadata), size_of(source))
        metadata, texts = file.metadata, _text_columns(file) if once else []
    with pq.ParquetFile(_opened(source), metadata=metadata, read_dictionary=texts) as file:
        yield file


def open_in_parts(file: BinaryIO, buffer_size: int) -> pq.ParquetFile:
    """An open file whose rows are read a few at a time, checked as `open_parquet` does.

    Args:
        file: opened for reading; it stays open.
        buffer_size: bytes that are asked of it at once.

    Raises:
        ValueError, pa.ArrowException, OSError: as `open_parquet`.
    """
    size = file.seek(0, io.SEEK_END)
    parquet = pq.ParquetFile(file, thrift_container_size_limit=LONGEST_LIST, buffer_size=buffer_size, pre_buffer=False)
    _refuse_depth(parquet)
    refuse_expansion(promised_bytes(parquet.metadata), size)
    return parquet


def size_of(source: Path | bytes) -> int:
    """Bytes of a file."""
    return len(source) if isinstance(source, bytes) else source.stat().st_size


def promised_bytes(metadata: pq.FileMetaData) -> int:
    """Bytes that the rows of a file take in memory by what its footer says, texts and lists that repeat counted once.

    The footer's words on single columns are not asked for: pyarrow ends the process over some that are damaged.
    """
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    rows = max(metadata.num_rows, sum(max(0, group.num_rows) for group in groups))
    pages = sum(max(0, group.total_byte_size) for group in groups)
    return int(rows * max(1, metadata.num_columns) * BYTES_A_CELL + pages)


def refuse_expansion(promised: int, size: int) -> None:
    """Refuse a file of `size` bytes that would come to `promised` bytes in memory, where that is out of proportion.

    Raises:
        ValueError: so it is.
    """
    if promised > ALWAYS_ALLOWED + LARGEST_EXPANSION * size:
        raise ValueError(
            f"its {size:,} bytes would become {promised:,} in memory, more than {LARGEST_EXPANSION} times as many, as "
            "in a decompression bomb. Write it without so many repeated values, or in parts"
        )


def texts_in(file: pq.ParquetFile, name: str, size: int) -> list[str]:
    """The cells of a column as text, each text that repeats held once; empty for null and NaN.

    Args:
        file: opened by `open_parquet`.
        name: a column that stands in it once.
        size: bytes of the file.

    Raises:
        ValueError: the cells are neither texts nor numbers nor times, or texts that are not UTF-8, or together out of
            proportion to the file.
        KeyError, OverflowError: a time that no clock shows.
        pa.ArrowException, OSError: the column is damaged.
    """
    cells: list[str] = []
    promised = 0
    for chunk in file.read([name], use_threads=False).column(0).chunks:
        if not isinstance(chunk, pa.DictionaryArray):
            cells += _plain_texts(chunk, name)
            continue
        chunk.validate(full=True)
        known = _plain_texts(chunk.dictionary, name)
        if known and len(chunk) > chunk.null_count:
            promised += pc.sum(pc.take(pa.array([len(text) for text in known]), chunk.indices)).as_py()
            refuse_expansion(promised, size)
        cells += ["" if index is None else known[index] for index in chunk.indices.to_pylist()]
    if len(cells) != file.metadata.num_rows:
        raise ValueError(f"column {name!r} has {len(cells)} cells where the file has {file.metadata.num_rows} rows")
    return cells


def _plain_texts(column: pa.Array, name: str) -> list[str]:
    if not (pa.types.is_primitive(column.type) or any(check(column.type) for check in PLAIN)):
        raise ValueError(f"column {name!r} holds {column.type}; it must hold texts, numbers or times")
    return [_text(value) for value in column.to_pylist()]


def _text(value: object) -> str:
    if value is None or value != value:
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)


def _opened(source: Path | bytes) -> Path | pa.BufferReader:
    return pa.BufferReader(source) if isinstance(source, bytes) else source


def _text_columns(file: pq.ParquetFile) -> list[str]:
    columns = [file.schema.column(index) for index in range(file.metadata.num_columns)]
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY" and column.path == column.name]


def _refuse_depth(file: pq.ParquetFile) -> None:
    for index in range(file.metadata.num_columns):
        if file.schema.column(index).path.count(".") > DEEPEST:
            raise ValueError(f"a column is nested more than {DEEPEST} levels deep. Write a table without nesting")
