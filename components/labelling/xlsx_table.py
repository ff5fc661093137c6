"""Sheets of Excel's own files (.xlsx) as tables of text; needs openpyxl (`labelcycle[xlsx]`)."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage.parquet_files import refuse_expansion
from labelcycle.components.labelling.cells import Cells, columns_to_read

_ZEROS = re.compile(r"0+")
"""A format by which a number is shown with so many digits, such as 0012."""

TIMES = ("time",)
"""Columns that may hold dates; elsewhere Excel has made one out of a text such as MAR1."""

FAULTS = (zipfile.BadZipFile, zlib.error, LookupError, AttributeError, TypeError, SyntaxError, EOFError, RuntimeError)
"""What comes out where openpyxl is given damaged files; `NotImplementedError` is a RuntimeError."""


def read_xlsx(path: Path, wanted: Sequence[str]) -> Cells:
    """The sheet that has the columns that are asked for; every cell is the text that a CSV of it would have.

    Rows without any text are passed over. What formulas came to when the file was saved is what counts.

    Raises:
        ValueError: it is no such file, would come to far more in memory than it is, has several such sheets, or a date
            or an error where a name or a label should be.
        ConfigurationError: openpyxl is not installed.

    Cost: memory for the cells; slower than CSV by far.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise ConfigurationError(
            f"{path.name} is an Excel file, which takes openpyxl. Install labelcycle[xlsx], or save it as CSV UTF-8."
        ) from error
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_expansion(sum(info.file_size for info in archive.infolist()), path.stat().st_size)
        book = load_workbook(path, read_only=True, data_only=True)
        try:
            sheets = {sheet.title: sheet for sheet in book.worksheets}
            for sheet in sheets.values():
                sheet.reset_dimensions()  # what a file says of its size is often less than it holds
            headers = {title: _header(sheet) for title, sheet in sheets.items()}
            title = _sheet_of(headers, wanted)
            return _read(sheets[title], headers[title], wanted)
        finally:
            book.close()
    except FAULTS as error:
        raise ValueError(f"it is no sound Excel file ({error})") from error


def _sheet_of(headers: dict[str, tuple[int, list[str]]], wanted: Sequence[str]) -> str:
    """The title of the one sheet whose header has most columns that are asked for."""
    there = {title: len(set(wanted) & set(names)) for title, (_, names) in headers.items()}
    most = max(there.values(), default=0)
    best = [title for title, count in there.items() if count == most]
    filled = [title for title in best if headers[title][1]]
    if not filled:
        raise ValueError("the file is empty")
    if most and len(filled) > 1:
        raise ValueError(f"the sheets {filled[0]!r} and {filled[1]!r} have the same columns. Keep one of them a file")
    return filled[0]


def _header(sheet: Any) -> tuple[int, list[str]]:
    """The number and the names of the first row that has any; no names for an empty sheet."""
    for row, cells in _rows(sheet):
        names = ["" if cell.value is None else str(cell.value).strip() for cell in cells]
        while names and not names[-1]:
            names.pop()
        return row, names
    return 0, []


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    for row, cells in enumerate(sheet.iter_rows(), start=1):
        if any(cell.value is not None and str(cell.value).strip() for cell in cells):
            yield row, cells


def _read(sheet: Any, header: tuple[int, list[str]], wanted: Sequence[str]) -> Cells:
    first, names = header
    positions = {name: names.index(name) for name in columns_to_read(names, wanted)}
    rows: list[int] = []
    columns: dict[str, list[str]] = {name: [] for name in positions}
    for row, cells in _rows(sheet):
        if row <= first:
            continue
        rows.append(row)
        for name, position in positions.items():
            columns[name].append(_text(cells[position], name, row) if position < len(cells) else "")
    return Cells(rows, columns, names)


def _text(cell: Any, name: str, row: int) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, date | datetime | time | timedelta):
        if name in TIMES:
            return value.isoformat() if isinstance(value, date | time) else str(value)
        raise ValueError(f"row {row}: {name!r} is a date, {value}. Format the column as text and write it again")
    if isinstance(value, int) and _ZEROS.fullmatch(cell.number_format or ""):
        return str(value).zfill(len(cell.number_format))
    return str(value).strip()
