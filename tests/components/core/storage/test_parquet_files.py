"""Parquet files from outside: bombs are refused before they are read, odd cells named, and repeated texts held once."""

import datetime
import resource
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from labelcycle.components.core.storage.parquet_files import DEEPEST, open_parquet, texts_in
from tests.harness.fuzz.limits import memory_limit
from tests.harness.fuzz.parquet_mutation import bomb, deep_schema, table_bytes


def texts(column: pa.Array) -> list[str]:
    data = table_bytes(pa.table({"label": column}))
    with open_parquet(data) as file:
        return texts_in(file, "label", len(data))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["cat", None, "ä"]), ["cat", "", "ä"]),
        (pa.array(["cat", "cat"]).dictionary_encode(), ["cat", "cat"]),
        (pa.array([b"cat", None]), ["cat", ""]),
        (pa.array([7, None]), ["7", ""]),
        (pa.array([1.5, float("nan")]), ["1.5", ""]),
        (pa.array([True, False]), ["True", "False"]),
        (pa.array([Decimal("1.50")]), ["1.50"]),
        (pa.array([datetime.date(2024, 1, 5)]), ["2024-01-05"]),
        (pa.nulls(2), ["", ""]),
        (pa.array([], pa.string()), []),
    ],
)
def test_cells_become_text(column: pa.Array, expected: list[str]) -> None:
    assert texts(column) == expected


@pytest.mark.parametrize(
    "column", [pa.array([["cat"]]), pa.array([{"a": 1}]), pa.array([b"\xff"]), pa.array([b"\xff"])]
)
def test_cells_that_are_no_text_are_refused(column: pa.Array) -> None:
    with pytest.raises(ValueError, match="it must hold texts|can't decode"):
        texts(column)


def test_a_text_that_repeats_is_held_once() -> None:
    first, second = texts(pa.array(["x" * 1000, "x" * 1000]))
    assert first is second


@pytest.mark.parametrize(("rows", "text"), [(10_000_000, "cat"), (2000, "x" * 1_000_000)])
def test_bombs_are_refused_within_bounds(rows: int, text: str) -> None:
    data = bomb(rows, text)
    assert len(data) < 2_000_000
    with memory_limit(256), pytest.raises(ValueError, match="decompression bomb"), open_parquet(data) as file:
        texts_in(file, "label", len(data))


def test_a_deep_schema_is_refused() -> None:
    with open_parquet(deep_schema(DEEPEST - 1)) as file:
        assert file.metadata.num_rows == 0
    with pytest.raises(ValueError, match="levels deep"), open_parquet(deep_schema(DEEPEST + 1)):
        pass


def test_a_schema_deeper_than_the_stack_does_not_end_the_process(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    path.write_bytes(deep_schema(100_000))
    code = (
        "import sys, pathlib, pyarrow\n"
        "from labelcycle.components.core.storage.parquet_files import open_parquet\n"
        "try:\n    open_parquet(pathlib.Path(sys.argv[1])).__enter__()\n"
        "except (OSError, ValueError) as error:\n    print('refused', error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("refused")


def test_the_limit_of_memory_is_the_process_s_own_again() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with memory_limit(4096):
        assert resource.getrlimit(resource.RLIMIT_AS) != before
    assert resource.getrlimit(resource.RLIMIT_AS) == before
