"""Arguments as users give them from Python, checked: each that cannot be used is refused in one sentence.

Numbers, lists, mappings and labels; for arrays see `array_input`, for paths `places`.
"""

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from labelcycle.components.core.errors import ConfigurationError, InputError

LONGEST_SHOWN = 60
"""Characters of a value that a sentence quotes; of longer ones, and those of several lines, it says the type."""


def shown(value: object) -> str:
    """A value for a sentence: as Python writes it where that is short, else its type."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN and "\n" not in text else f"a value of type {type(value).__name__}"


def whole_number(name: str, value: object, least: int) -> int:
    """An argument that counts: a whole number of Python or NumPy.

    Raises:
        ConfigurationError: it is none, or below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ConfigurationError(
            f"{name} is a whole number, {least} or more; got {shown(value)}. Give such as {name}={max(least, 1)}."
        )
    return int(value)


def whole_number_or_none(name: str, value: object, least: int) -> int | None:
    """As `whole_number`; None stays None.

    Raises:
        ConfigurationError: it is neither, or below `least`.
    """
    return None if value is None else whole_number(name, value, least)


def number(name: str, value: object) -> float:
    """An argument that measures: a finite number of Python or NumPy, 0 or more.

    Raises:
        ConfigurationError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < math.inf:
        raise ConfigurationError(f"{name} is a number, 0 or more; got {shown(value)}. Give such as {name}=0.5.")
    return int(value) if isinstance(value, Integral) else float(value)


def number_or_none(name: str, value: object) -> float | None:
    """As `number`; None stays None.

    Raises:
        ConfigurationError: it is neither.
    """
    return None if value is None else number(name, value)


def settings_by_name(name: str, value: object, example: str) -> dict[str, object]:
    """Settings in a dictionary by name; None for none.

    Raises:
        ConfigurationError: something else, or a name that is no text.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigurationError(f"{name} holds settings by name; got {shown(value)}. Give such as {name}={example}.")
    return dict(value)


def list_of(name: str, values: object) -> list[Any]:
    """The values as a list of Python's own types, whether they were an array, a column, a generator or a sequence.

    Raises:
        InputError: a single value, a table, or what has no order.
    """
    found = values.tolist() if hasattr(values, "tolist") else values
    if isinstance(values, Mapping | set | frozenset) or hasattr(values, "columns"):
        raise InputError(
            f"{name} is a list of values in their order; got a {type(values).__name__}. Give a list, or one column."
        )
    if isinstance(found, str | bytes) or not isinstance(found, Iterable):
        raise InputError(
            f"{name} is a list of values; got {shown(values)}. Give it in a list, also where there is one."
        )
    return list(found)


def text(name: str, value: object, example: str) -> str:
    """An argument that is a text.

    Raises:
        ConfigurationError: it is none.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is text; got {shown(value)}. Give such as {name}={example!r}.")
    return value


def texts(name: str, values: object, example: str) -> list[str]:
    """A list of texts.

    Raises:
        InputError: no list.
        ConfigurationError: something in it is no text.
    """
    found = list_of(name, values)
    for value in found:
        if not isinstance(value, str):
            raise ConfigurationError(
                f"{name} is a list of texts; got {shown(value)} in it. Give such as [{example!r}]."
            )
    return found


def labels_by_id(name: str, labels: object) -> tuple[list[Any], list[Any]]:
    """The ids and the labels of a dictionary, or of a pandas Series with the ids as its index; None for none.

    Raises:
        InputError: something else.
    """
    if labels is None:
        return [], []
    if isinstance(labels, Mapping):
        return list(labels), list(labels.values())
    if hasattr(labels, "index") and hasattr(labels, "to_dict") and not hasattr(labels, "columns"):
        return list_of(f"{name}.index", labels.index), list_of(name, labels)
    raise InputError(
        f'{name} holds labels by id; got {shown(labels)}. Give a dictionary such as {{"id": "cat"}}, or a pandas '
        "Series with the ids as its index."
    )


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, and pandas' own."""
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))
