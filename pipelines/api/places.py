"""Paths and addresses as users give them, and other values as settings take them."""

from os import PathLike, fspath
from pathlib import Path
from typing import Any

Place = str | PathLike[str]
"""A path, or an `s3://bucket/prefix`."""


def absolute_place(place: Place) -> str:
    """A path made absolute, `~` in it too; addresses stay as they are."""
    text = fspath(place)
    return text if "://" in text else str(Path(text).expanduser().absolute())


def text_of(place: Place | None) -> str | None:
    """A place as text; None stays None."""
    return None if place is None else fspath(place)


def plain_value(value: Any) -> Any:
    """A value as files can hold it: paths as texts, tuples as lists."""
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, tuple | list):
        return [plain_value(part) for part in value]
    return value
