"""What a reader of one format makes of a table: cells of text by column, and where each row stands."""

from collections.abc import Sequence
from dataclasses import dataclass

ID_NAMES = ("sample_id", "id", "image", "filename", "file", "path")

FURTHER_ID_NAMES = ("image_url", "image_path", "img", "url", "uri", "photo", "picture", "file_name", "filepath")
"""Looked at where none of `ID_NAMES` is there but `id`, which numbers rows as often as it names samples."""


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


def columns_to_read(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The columns of a header that are asked for.

    Where all of `ID_NAMES` are asked for, `FURTHER_ID_NAMES` are among them only where no other column can name
    samples, and always only where there is one of the name.

    Raises:
        ValueError: there is more than one of another name.
    """
    further = not set(ID_NAMES) <= set(wanted) or not any(name in names for name in ID_NAMES if name != "id")
    found = []
    for name in dict.fromkeys(names):
        if name not in wanted or (name in FURTHER_ID_NAMES and not (further and names.count(name) == 1)):
            continue
        if names.count(name) > 1:
            raise ValueError(f"there is more than one column {name!r}")
        found.append(name)
    return found
