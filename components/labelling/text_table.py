"""Tables of text in files of several formats: every cell stays what was written, every row knows where it stands."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelcycle.components.core.errors import InputError, names_in_words
from labelcycle.components.labelling.cells import FURTHER_ID_NAMES, ID_NAMES, Cells, columns_to_read
from labelcycle.components.labelling.csv_table import read_csv
from labelcycle.components.labelling.json_text import read_json_text
from labelcycle.components.labelling.label_spellings import ONE_LABEL
from labelcycle.components.labelling.text_encoding import open_text

LABEL_NAMES = ("label", "class")
BOX_NAMES = (("xmin", "ymin", "xmax", "ymax"), ("bbox",), ("segmentation",), ("EncodedPixels",))
"""Columns by which tables say where in an image something is."""

KNOWN_NAMES = (*ID_NAMES, *FURTHER_ID_NAMES, *LABEL_NAMES, "annotator", "time", "status")

MAX_BYTES = 500_000_000
"""Larger files of labels and texts are refused; in memory one takes about ten times its size."""

LONGEST_CELL = 100_000
"""Characters that a cell may have."""


@dataclass(frozen=True)
class TextTable:
    """Cells by column.

    Attributes:
        uri: the file, for messages.
        rows: where in the file each row stands, as a spreadsheet or an editor counts (a CSV's header is row 1).
        columns: cells by the column's name, as many as rows; an empty cell is an empty text. Those that were asked for.
        names: of all columns of the file.
    """

    uri: str
    rows: Sequence[int]
    columns: dict[str, list[str]]
    names: Sequence[str]

    def column(self, names: tuple[str, ...]) -> list[str]:
        """The column that has the first of these names.

        Raises:
            InputError: none has any; the columns that are there are named.
        """
        for name in names:
            if name in self.columns:
                return self.columns[name]
        also = f" (or {', '.join(names[1:])})" if names[1:] else ""
        raise InputError(f"{self.uri} has no column {names[0]!r}{also}; its columns are {names_in_words(self.names)}.")

    def optional_column(self, name: str) -> list[str]:
        """The column of this name, or empty cells where there is none."""
        return self.columns.get(name) or [""] * len(self.rows)


def read_text_table(path: Path, uri: str, names: Sequence[str] = KNOWN_NAMES) -> TextTable:
    """The table of text at `path`, of the kind that the ending of `uri` says.

    Args:
        path: the file.
        uri: what it is called, for messages.
        names: the columns that are read, those of them that are there.

    Raises:
        InputError: the file is larger than `MAX_BYTES`, is not what its ending says, or a cell is no plain text.
        ConfigurationError: an Excel file, and openpyxl is not installed.

    Cost: memory for the cells, each text that repeats in Parquet held once.
    """
    ending = Path(uri).suffix.lower()
    failed = f"{uri} cannot be read as {ending[1:]}"
    try:
        refuse_large(path.stat().st_size)
        table = READERS[ending](path, names)
        for name, cells in table.columns.items():
            if name not in FURTHER_ID_NAMES:
                _refuse_long(name, cells, table.rows)
    except (csv.Error, OSError, ValueError, KeyError, OverflowError, RecursionError) as error:
        raise InputError(f"{failed}: {error}.") from error
    return TextTable(uri, table.rows, table.columns, table.names)


def refuse_large(size: int) -> None:
    """Refuse a file of labels or texts that is larger than `MAX_BYTES`.

    Raises:
        ValueError: so it is.
    """
    if size > MAX_BYTES:
        raise ValueError(f"{size:,} bytes are more than the limit of {MAX_BYTES:,}. Split it, or leave out old rows")


def _read_json_lines(path: Path, wanted: Sequence[str]) -> Cells:
    """One object a line, each read for itself: a reader that guesses types turns labels like 2024-01-05 into times."""
    rows: list[int] = []
    records: list[dict[str, str]] = []
    names: dict[str, None] = {}
    asked = frozenset(wanted)
    with open_text(path) as file:
        for row, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = read_json_text(line)
            except ValueError as error:
                raise ValueError(f"row {row}: {error}") from error
            if not isinstance(record, dict):
                raise ValueError(f'row {row} is not an object such as {{"sample_id": "a.jpg", "label": "cat"}}')
            if not record.keys() <= names.keys():
                names |= dict.fromkeys(record)
            rows.append(row)
            records.append({name: _text(value, name, row) for name, value in record.items() if name in asked})
    if not rows:
        raise ValueError("the file is empty")
    columns = {name: [record.get(name, "") for record in records] for name in names if name in wanted}
    return Cells(rows, columns, list(names))


def _read_parquet(path: Path, wanted: Sequence[str]) -> Cells:
    import pyarrow as pa

    from labelcycle.components.core.storage.parquet_files import open_parquet, size_of, texts_in

    try:
        with open_parquet(path) as file:
            names = file.schema_arrow.names
            columns = {}
            for name in columns_to_read(names, wanted):
                try:
                    columns[name] = [cell.strip() for cell in texts_in(file, name, size_of(path))]
                except ValueError:
                    if name not in FURTHER_ID_NAMES:
                        raise
            return Cells(range(1, file.metadata.num_rows + 1), columns, names)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _read_xlsx(path: Path, wanted: Sequence[str]) -> Cells:
    from labelcycle.components.labelling.xlsx_table import read_xlsx

    return read_xlsx(path, wanted)


READERS: dict[str, Callable[[Path, Sequence[str]], Cells]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
    ".xlsx": _read_xlsx,
}


def _refuse_long(name: str, cells: list[str], rows: Sequence[int]) -> None:
    if len(max(cells, key=len, default="")) > LONGEST_CELL:
        row = next(row for row, cell in zip(rows, cells, strict=True) if len(cell) > LONGEST_CELL)
        raise ValueError(f"row {row}: {name!r} has more than {LONGEST_CELL:,} characters")


def _text(value: object, name: str, row: int) -> str:
    """A cell of JSON as text; what programs write for a missing value is empty."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict | list):
        if name in FURTHER_ID_NAMES:
            return ""
        remedy = f", and {ONE_LABEL}" if name in LABEL_NAMES else ""
        raise ValueError(f"row {row}: {name!r} is a list or an object; it must be a text or a number{remedy}")
    return "" if value is None or value != value else str(value).strip()
