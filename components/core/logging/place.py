"""What a log line is about: which campaign, cycle, attempt and stage this process works on.

One place a process, whatever its threads, because a stage works on one place with all of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FIELDS = ("command", "campaign", "cycle", "attempt", "stage", "target", "shard")

_place: dict[str, Any] = {}


def place() -> dict[str, Any]:
    """The fields by name; None for what is not known or does not apply."""
    return {name: _place.get(name) for name in FIELDS}


def move(**fields: Any) -> None:
    """Work on another place from now on; fields that are not named stay."""
    _place.update(fields)


@contextmanager
def within(**fields: Any) -> Iterator[None]:
    """Work on another place for the length of a block."""
    before = dict(_place)
    move(**fields)
    try:
        yield
    finally:
        _place.clear()
        _place.update(before)
