"""Which column of a table says what a sample is called, where several could."""

from collections.abc import Sequence

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.cells import FURTHER_ID_NAMES, ID_NAMES
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.components.labelling.text_table import TextTable

NUMBERS = "id"
"""The column in which many programs number their rows or tasks."""


def id_column(table: TextTable, rows: Sequence[int], known_ids: SampleIds) -> tuple[str, list[str | None]]:
    """The name of the column that names samples, and the sample that it names in each of these rows.

    It is the one that names a sample in most rows, of equals the first of `ID_NAMES`. A column `id` of bare numbers,
    which could only mean files without their ending, gives way to one that names every image in full.

    Args:
        table: with the columns that can name samples.
        rows: positions of the rows that count.
        known_ids: resolves what the file calls a sample to the campaign's id.

    Raises:
        InputError: there is no such column, or two name different samples in a row.
    """
    names = [name for name in ID_NAMES if name in table.columns]
    if names in ([], [NUMBERS]):
        names += [name for name in FURTHER_ID_NAMES if name in table.columns]
    if not names:
        table.column(ID_NAMES)
    columns = {name: _cells(table, name, rows) for name in names}
    others = [name for name in names if name != NUMBERS]
    found = {name: known_ids.resolve_all(columns[name]) for name in others}
    if NUMBERS in names:
        numbers = columns[NUMBERS]
        in_full = any(None not in found[name] and _in_full(columns[name]) for name in others)
        if in_full and _only_numbers(numbers, known_ids):
            names = others
        else:
            found[NUMBERS] = known_ids.resolve_all(numbers)
    chosen = max(names, key=lambda name: len(rows) - found[name].count(None))
    for name in names:
        if name != chosen:
            _refuse_disagreement(table, rows, (chosen, found[chosen]), (name, found[name]))
    return chosen, found[chosen]


def _cells(table: TextTable, name: str, rows: Sequence[int]) -> list[str]:
    cells = table.columns[name]
    return cells if len(rows) == len(cells) else [cells[row] for row in rows]


def _only_numbers(cells: list[str], known_ids: SampleIds) -> bool:
    return all(cell.isdecimal() and not known_ids.is_id(cell) for cell in cells if cell)


def _in_full(cells: list[str]) -> bool:
    """Whether these are names of files with their ending."""
    return all("." in cell and not cell.replace(".", "").isdecimal() for cell in cells)


def _refuse_disagreement(
    table: TextTable,
    rows: Sequence[int],
    chosen: tuple[str, list[str | None]],
    other: tuple[str, list[str | None]],
) -> None:
    if chosen[1] == other[1]:
        return
    for row, one, two in zip(rows, chosen[1], other[1], strict=True):
        if one is not None and two is not None and one != two:
            one_cell, two_cell = table.columns[chosen[0]][row], table.columns[other[0]][row]
            raise InputError(
                f"{table.uri}, row {table.rows[row]}: {chosen[0]} {one_cell!r} means the sample {one!r}, but "
                f"{other[0]} {two_cell!r} means {two!r}. Delete or rename the column that does not name the image."
            )
