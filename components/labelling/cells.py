"""What a reader of one format makes of a table: cells of text by column, and where each row stands."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cells:
    """The cells of the columns that were asked for, without spaces around them.

    Attributes:
        rows: where in the file each row stands, as a spreadsheet or an editor counts (a CSV's header is row 1).
        columns: cells by the column's name, as many as rows; an empty cell is an empty text.
        names: of all columns of the file.
    """

    rows: Sequence[int]
    columns: dict[str, list[str]]
    names: list[str]


def refuse_repeated(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a header that has one of the columns that are asked for more than once.

    Raises:
        ValueError: so it has.
    """
    for name in wanted:
        if names.count(name) > 1:
            raise ValueError(f"there is more than one column {name!r}")
