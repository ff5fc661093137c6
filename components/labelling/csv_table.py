"""CSV as spreadsheets of any country write it: cells separated by commas, semicolons or tabs."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from labelcycle.components.labelling.cells import Cells, columns_to_read
from labelcycle.components.labelling.text_encoding import open_text

SEPARATORS = (",", ";", "\t")
"""From the most to the least usual."""

_NAMED = re.compile(r'^"?sep=([,;\t])"?\s*$', re.IGNORECASE)
"""The line before the header by which Excel is told the separator."""

Records = Iterator[tuple[int, list[str]]]


def read_csv(path: Path, wanted: Sequence[str]) -> Cells:
    """All cells as text, so that a label 007 or an id 1e3 stays what was written.

    The separator is the one by which the header names most of the columns that are asked for. Rows without any text are
    passed over.

    Raises:
        ValueError, csv.Error: it is no text, has no header, or a row has more or fewer cells than it.
    """
    separator = _separator_of(path, wanted)
    with open_text(path, newline="") as file:
        records = _records(file, separator)
        names = _header(records)
        positions = {name: names.index(name) for name in columns_to_read(names, wanted)}
        rows: list[int] = []
        columns: dict[str, list[str]] = {name: [] for name in positions}
        places = [(columns[name].append, position) for name, position in positions.items()]
        width, first = len(names), min(positions.values(), default=0)
        for row, cells in records:
            if len(cells) != width or not cells[first].strip():
                if not any(map(str.strip, cells)):
                    continue
                if len(cells) != width:
                    raise ValueError(f"row {row} has {len(cells)} cells where the header has {width}")
            rows.append(row)
            for append, position in places:
                append(cells[position].strip())
    return Cells(rows, columns, names)


def _separator_of(path: Path, wanted: Sequence[str]) -> str:
    """The separator that the file names, or else by which the header has most wanted columns.

    Of equals it is the more usual one; where there are none, that of most columns, for the message.
    """
    with open_text(path, newline="") as file:
        if found := _NAMED.match(file.readline(16)):
            return found[1]
    headers = {}
    for separator in SEPARATORS:
        with open_text(path, newline="") as file:
            headers[separator] = _header_or_none(_records(file, separator))
    known = {separator: len(set(wanted).intersection(names)) for separator, names in headers.items()}
    if any(known.values()):
        return max(SEPARATORS, key=lambda separator: known[separator])
    return max(SEPARATORS, key=lambda separator: len(headers[separator]))


def _header_or_none(records: Records) -> list[str]:
    try:
        return _header(records)
    except (csv.Error, ValueError):
        return []


def _header(records: Records) -> list[str]:
    _, header = next(records, (1, []))
    if not header:
        raise ValueError("the file is empty")
    return [name.strip() for name in header]


def _records(lines: Iterator[str], separator: str) -> Records:
    """The rows that have any cell, and their numbers; a line that only names the separator is no row."""
    numbered = enumerate(csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True), start=1)
    for row, cells in numbered:
        if row == 1 and _NAMED.match(separator.join(cells)):
            continue
        if cells:
            yield row, cells
