"""The ways in which an object is damaged."""

import random
from collections.abc import Callable

Way = Callable[[bytes, random.Random], bytes | None]
"""Content and a source of chance → other content, or None for an object that is gone."""


def _flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data or b"\0")
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _truncated(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(max(1, len(data)))]


def _zeroed(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(max(1, len(data)))
    return data[:start] + bytes(min(512, len(data) - start)) + data[start + 512 :]


def _shuffled(data: bytes, chance: random.Random) -> bytes:
    middle = chance.randrange(max(1, len(data)))
    return data[middle:] + data[:middle]


def _grown(data: bytes, chance: random.Random) -> bytes:
    return data + chance.randbytes(1 + chance.randrange(64))


WAYS: dict[str, Way] = {
    "a bit flipped": _flipped,
    "cut short": _truncated,
    "a block of zeros": _zeroed,
    "halves exchanged": _shuffled,
    "something appended": _grown,
    "emptied": lambda data, chance: b"",
    "deleted": lambda data, chance: None,
}
