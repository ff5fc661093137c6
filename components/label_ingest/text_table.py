"""Tables of text in CSV, JSON lines or Parquet: every cell stays what was written, every row knows where it stands."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from labelcycle.components.core.errors import InputError

ID_NAMES = ("sample_id", "id", "image", "filename", "file", "path")
LABEL_NAMES = ("label", "class")
KNOWN_NAMES = (*ID_NAMES, *LABEL_NAMES, "annotator", "time", "status")


@dataclass(frozen=True)
class TextTable:
    """Cells by column.

    Attributes:
        uri: the file, for messages.
        rows: where in the file each row stands, as a spreadsheet or an editor counts (a CSV's header is row 1).
        columns: cells by the column's name, as many as rows; an empty cell is an empty text.
    """

    uri: str
    rows: list[int]
    columns: dict[str, list[str]]

    def column(self, names: tuple[str, ...]) -> list[str]:
        """The column that has the first of these names.

        Raises:
            InputError: none has any; the columns that are there are named.
        """
        for name in names:
            if name in self.columns:
                return self.columns[name]
        also = f" (or {', '.join(names[1:])})" if names[1:] else ""
        raise InputError(f"{self.uri} has no column {names[0]!r}{also}; its columns are {', '.join(self.columns)}.")

    def optional_column(self, name: str) -> list[str]:
        """The column of this name, or empty cells where there is none."""
        return self.columns.get(name) or [""] * len(self.rows)


def read_text_table(path: Path, uri: str) -> TextTable:
    """The table of text at `path`, of the kind that the ending of `uri` says.

    Raises:
        InputError: the file is not what its ending says.
    """
    ending = Path(uri).suffix.lower()
    try:
        rows, columns = READERS[ending](path)
    except (pa.ArrowException, csv.Error, OSError, ValueError) as error:
        raise InputError(f"{uri} cannot be read as {ending[1:]}: {error}") from error
    return TextTable(uri, rows, columns)


_Cells = tuple[list[int], dict[str, list[str]]]


def _read_csv(path: Path) -> _Cells:
    """All cells as text, so that a label 007 or an id 1e3 stays what was written."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = ((row, cells) for row, cells in enumerate(csv.reader(file, strict=True), start=1) if cells)
        _, header = next(records, (1, []))
        names = [name.strip() for name in header]
        if not names:
            raise ValueError("the file is empty")
        _refuse_repeated(names)
        rows: list[int] = []
        columns: list[list[str]] = [[] for _ in names]
        for row, cells in records:
            if len(cells) != len(names):
                raise ValueError(f"row {row} has {len(cells)} cells where the header has {len(names)}")
            rows.append(row)
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell.strip())
    return rows, dict(zip(names, columns, strict=True))


def _read_json_lines(path: Path) -> _Cells:
    """One object a line, each read for itself: a reader that guesses types turns labels like 2024-01-05 into times."""
    rows: list[int] = []
    records: list[dict[str, object]] = []
    with path.open(encoding="utf-8-sig") as file:
        for row, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise ValueError(f"row {row}: {error}") from error
            if not isinstance(record, dict):
                raise ValueError(f'row {row} is not an object such as {{"sample_id": "a.jpg", "label": "cat"}}')
            rows.append(row)
            records.append(record)
    if not rows:
        raise ValueError("the file is empty")
    names = dict.fromkeys(name for record in records for name in record)
    return rows, {name: [_text(record.get(name)) for record in records] for name in names}


def _read_parquet(path: Path) -> _Cells:
    with pq.ParquetFile(path) as file:
        table = file.read()
    _refuse_repeated(table.column_names)
    columns = {name: [_text(value) for value in table[name].to_pylist()] for name in table.column_names}
    return list(range(1, table.num_rows + 1)), columns


READERS: dict[str, Callable[[Path], _Cells]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
}


def _refuse_repeated(names: list[str]) -> None:
    for name in names:
        if name in KNOWN_NAMES and names.count(name) > 1:
            raise ValueError(f"there is more than one column {name!r}")


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
