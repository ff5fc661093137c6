"""Paths and addresses as users give them, and other values as settings take them."""

from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.api.python_arguments import shown

Place = str | PathLike[str]
"""A path, or an `s3://bucket/prefix`."""


def absolute_place(place: Place, name: str = "root") -> str:
    """A path made absolute, `~` in it too; addresses stay as they are.

    Raises:
        ConfigurationError: it is none, or empty.
    """
    text = checked_place(name, place)
    return text if "://" in text else str(Path(text).expanduser().absolute())


def checked_place(name: str, place: object) -> str:
    """An argument that is a place, as text.

    Raises:
        ConfigurationError: it is none, or empty; the argument's name and the remedy are told.
    """
    if not isinstance(place, str | PathLike):
        remedy = "Save it as a file and give its path" if _is_data(place) else "Give one"
        raise ConfigurationError(f"{name} is a path or an s3:// address; got {shown(place)}. {remedy}.")
    text = fspath(place)
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f"{name} is empty, which names no place. Give a path, such as '.' for this folder.")
    return text


def place_or_none(name: str, place: object) -> str | None:
    """As `checked_place`; None stays None.

    Raises:
        ConfigurationError: it is no place, or empty.
    """
    return None if place is None else checked_place(name, place)


def recipe_named(recipe: object) -> str:
    """A recipe's name or path as text.

    Raises:
        ConfigurationError: it is neither.
    """
    if not isinstance(recipe, str | PathLike):
        raise ConfigurationError(
            f"recipe is a name from `labelcycle recipes` or the path of a YAML file; got {shown(recipe)}. Give such as "
            "recipe='uherding'."
        )
    return str(fspath(recipe))


def _is_data(value: object) -> bool:
    """Whether a value holds what belongs into a file: lists, arrays, tables."""
    return isinstance(value, Iterable)


def plain_value(value: Any) -> Any:
    """A value as files can hold it: paths as texts, tuples as lists, NumPy's numbers and arrays as Python's."""
    if isinstance(value, PathLike):
        return fspath(value)
    if isinstance(value, tuple | list):
        return [plain_value(part) for part in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
