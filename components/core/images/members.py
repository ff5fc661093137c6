"""Addresses of images that lie in other files, of which each is read without the rest.

They are the address of the file, `#`, and the place in it: `/data/shard.tar#1536+20480` is 20,480 bytes from byte 1,536
on, and `s3://bucket/train.parquet#image:12` the row 12, from 0, of the column `image`.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

ARCHIVE, PARQUET, ARROW = ".tar", ".parquet", ".arrow"
CONTAINERS = (ARCHIVE, PARQUET, ARROW)
"""Endings of files that may hold images."""

_STRETCH = re.compile(r"(.+\.tar)#(\d+)\+(\d+)", re.IGNORECASE | re.DOTALL)
_ROW = re.compile(r"(.+\.(?:parquet|arrow))#([^#:/]+):(\d+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Stretch:
    """Bytes of an archive."""

    file: str
    offset: int
    size: int


@dataclass(frozen=True)
class TableRow:
    """A row of a Parquet file or an Arrow stream, from 0, and the column that holds the image."""

    file: str
    column: str
    row: int


def member_at(address: str) -> Stretch | TableRow | None:
    """The place that an address names within a file; None where it is an image's own."""
    if "#" not in address:
        return None
    if found := _STRETCH.fullmatch(address):
        return Stretch(found[1], int(found[2]), int(found[3]))
    if found := _ROW.fullmatch(address):
        return TableRow(found[1], unquote(found[2]), int(found[3]))
    return None


def file_of(address: str) -> str:
    """The file in which an image lies: itself, or that which holds it."""
    member = member_at(address)
    return address if member is None else member.file


def stretch_address(file: str, offset: int, size: int) -> str:
    """The address of an image in an archive."""
    return f"{file}#{offset}+{size}"


def row_address(file: str, column: str, row: int) -> str:
    """The address of an image in a Parquet file or an Arrow stream."""
    return f"{file}#{quote(column, safe='')}:{row}"
