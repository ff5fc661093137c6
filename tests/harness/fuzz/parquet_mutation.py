"""Parquet files that are valid, and yet not what is expected: columns of odd types, names and values, or too many."""

import datetime
import io
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.harness.fuzz.target import Mutation

MOMENT = datetime.datetime(2024, 1, 5, 12, 30)


def table_bytes(table: pa.Table, **options: Any) -> bytes:
    """A table as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def odd_columns() -> list[pa.Array]:
    """Three rows each."""
    invalid = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0\6\0\0\0"), pa.py_buffer(b"\xff\xfeab\xed\xa0")]
    )
    return [
        invalid,
        pa.array(["a.png", "b.png", None]),
        pa.array(["a.png", "b.png", "c.png"], pa.large_string()),
        pa.array(["a.png", "a.png", "b.png"]).dictionary_encode(),
        pa.array([b"a.png", b"\xff\xfe", None], pa.binary()),
        pa.array([b"cat", b"dog", b"cat"], pa.binary()),
        pa.array([b"abcd"] * 3, pa.binary(4)),
        pa.array([Decimal("1.5"), None, Decimal("-7")], pa.decimal128(10, 3)),
        pa.array([Decimal(10) ** 60] * 3, pa.decimal256(76, 3)),
        pa.array([MOMENT] * 3, pa.timestamp("ns", "Europe/Berlin")),
        pa.array([1, 2**62, -(2**62)], pa.timestamp("us", "No/Where")),
        pa.array([1, 2**62, -(2**62)], pa.timestamp("ns")),
        pa.array([1, 2**62, None], pa.duration("ns")),
        pa.array([1, 2**30, -(2**30)], pa.date32()),
        pa.array([1, 2, 3], pa.time64("ns")),
        pa.array([1, None, 2**63 - 1]),
        pa.array([float("nan"), float("inf"), 1.0]),
        pa.array([1.0, 2.0, 65504.0], pa.float16()),
        pa.array([True, False, None]),
        pa.nulls(3),
        pa.array([[1.0, 2.0]] * 3),
        pa.array([[1.0, None], [2.0, 1.0], [0.0, 0.0]]),
        pa.array([[1.0], [2.0, 3.0], []]),
        pa.array([[1.0, 2.0], None, [1.0, 2.0]]),
        pa.array([[[1.0]], [[2.0]], [[3.0]]]),
        pa.array([[1e300, 0.0]] * 3),
        pa.array([[1, 2]] * 3),
        pa.array([["a", "b"]] * 3),
        pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float32(), 2)),
        pa.array([[1.0, 2.0]] * 3, pa.list_(pa.float16(), 2)),
        pa.array([[], [], []], pa.list_(pa.float32(), 0)),
        pa.array([{"a": 1, "b": None}] * 3),
        pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        pa.array(["x" * 200_000, "\x00", "\n"]),
        pa.array(["../../etc/passwd", "/etc/passwd", "\u202e"]),
        pa.array(["pool", "test", "no split"]),
    ]


ODD = odd_columns()


def odd_table(names: Sequence[str], random: Random) -> pa.Table:
    """A table of odd columns under the expected names, some missing, some twice."""
    chosen = [name for name in names if random.randrange(8)]
    if chosen and random.randrange(6) == 0:
        chosen.append(random.choice(chosen))
    if random.randrange(6) == 0:
        chosen += random.choice((["", "x"], ["other"] * 2, ["a" * 50_000], [f"c{number}" for number in range(300)]))
    columns = [random.choice(ODD) for _ in chosen]
    rows = random.choice((3, 3, 3, 1, 0))
    return pa.Table.from_arrays([column.slice(0, rows) for column in columns], names=chosen)


def parquet_mutation(names: Sequence[str]) -> Mutation:
    """A mutation that keeps some columns of a table and puts odd ones in the place of others.

    Args:
        names: the columns that the reader knows.
    """

    def mutation(data: bytes, random: Random) -> bytes:
        odd = odd_table(names, random)
        try:
            with pq.ParquetFile(pa.BufferReader(data)) as file:
                table = file.read(use_threads=False).slice(0, odd.num_rows)
        except (pa.ArrowException, OSError):
            return data
        kept = set(random.sample(table.column_names, random.randint(0, table.num_columns)))
        if table.num_rows == odd.num_rows:
            for place, name in enumerate(odd.column_names):
                if name in kept:
                    odd = odd.set_column(place, name, table[name])
        options: dict[str, Any] = {
            "compression": random.choice(("none", "snappy", "zstd", "gzip")),
            "use_dictionary": random.randrange(2) == 0,
            "store_schema": random.randrange(4) > 0,
            "data_page_version": random.choice(("1.0", "2.0")),
        }
        try:
            return table_bytes(odd, **options)
        except (pa.ArrowException, ValueError):
            return data

    return mutation


def bomb(rows: int, text: str) -> bytes:
    """A small file that is large in memory: one text in many rows."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array([text]))
    return table_bytes(pa.table({"sample_id": column, "label": column, "feature": column}), compression="zstd")


def deep_schema(levels: int) -> bytes:
    """A Parquet file without rows whose one column lies in so many groups, each in the one before.

    Written by hand, field by field: Arrow overruns its stack when it writes such a schema, as when it reads it.

    Source: the compact protocol of Apache Thrift, and `parquet.thrift` of Apache Parquet.
    """
    root = b"\x48\x01s" + b"\x15\x02" + b"\x00"
    group = b"\x35\x02" + b"\x18\x01a" + b"\x15\x02" + b"\x00"
    leaf = b"\x15\x02" + b"\x25\x02" + b"\x18\x01x" + b"\x00"
    schema = b"\x19\xfc" + _varint(levels + 2) + root + group * levels + leaf
    footer = b"\x15\x02" + schema + b"\x16\x00" + b"\x19\x0c" + b"\x00"
    return b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _varint(number: int) -> bytes:
    parts = b""
    while number > 127:
        parts += bytes([number & 127 | 128])
        number >>= 7
    return parts + bytes([number])
