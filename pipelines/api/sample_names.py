"""Ids as users have them, and the texts that stand for them in orders and random choices."""

from collections.abc import Sequence
from typing import Any

from labelcycle.components.core.errors import InputError
from labelcycle.pipelines.api.python_arguments import list_of


def names_and_texts(ids: Sequence[Any] | None, size: int) -> tuple[list[Any], list[str]]:
    """The ids of the user, and a text for each.

    Args:
        ids: texts or whole numbers; None for the numbers of the rows, whose texts are in the order of the rows.
        size: how many rows there are.

    Raises:
        InputError: an id is neither.
    """
    if ids is None:
        width = len(str(max(size - 1, 0)))
        return list(range(size)), [f"{row:0{width}d}" for row in range(size)]
    names = list_of("ids", ids)
    wrong = [name for name in names if isinstance(name, bool) or not isinstance(name, str | int)]
    if wrong:
        raise InputError(f"ids are texts or whole numbers; got {wrong[0]!r}. Give one for each sample.")
    return names, [str(name) for name in names]


def few_of(names: Sequence[Any], most: int = 3) -> str:
    """The first names, for a sentence."""
    return ", ".join(map(repr, names[:most])) + (", …" if len(names) > most else "")
