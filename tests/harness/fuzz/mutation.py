"""Damages: what disks, editors, careless programs and attackers do to a file. The same seed makes the same damage."""

from collections.abc import Callable, Sequence
from random import Random

from tests.harness.fuzz.target import Target

SPLICES = (
    b"\x00",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\r",
    b"\n",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b"\xe2\x80\xa8",
    b"\xc3\xa9" * 3,
    b"e\xcc\x81",
    b"\\ud800",
    b"\\u0000",
    b'"',
    b"'",
    b",",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"-0.0",
    b"9" * 400,
    b"9" * 5000,
    b"null",
    b"true",
    b"{}",
    b"[]",
    b'{"a":{"b":[1,{"c":null}]}}',
    b"[" * 2000,
    b'{"a":' * 2000,
    b"(" * 200,
    b"../../../../etc/passwd",
    b"/etc/passwd",
    b"s3://bucket/key",
    b"file:///etc/passwd",
    b"http://[",
    b"//[::1",
    b"&a [*a]",
    b"<<: *a",
    b"!!python/object/apply:os.system [id]",
    b"!!timestamp x",
    b"2024-99-99",
    b"0x" + b"f" * 4000,
    b"1_",
    b"!!int ''",
    b'"\\UFFFFFFFF"',
    b"a" * 140_000,
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\xff" * 9,
)


def _flip(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        if data:
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set(data: bytearray, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))


def _truncate(data: bytearray, random: Random) -> None:
    if data:
        del data[random.randrange(len(data)) :]


def _delete(data: bytearray, random: Random) -> None:
    begin, end = _span(data, random)
    del data[begin:end]


def _duplicate(data: bytearray, random: Random) -> None:
    begin, end = _span(data, random)
    data[begin:begin] = data[begin:end] * random.choice((1, 1, 2, 50))


def _move(data: bytearray, random: Random) -> None:
    begin, end = _span(data, random)
    piece = data[begin:end]
    del data[begin:end]
    place = random.randint(0, len(data))
    data[place:place] = piece


def _insert(data: bytearray, random: Random) -> None:
    place = random.randint(0, len(data))
    data[place:place] = random.choice(SPLICES)


def _replace(data: bytearray, random: Random) -> None:
    begin, end = _span(data, random)
    data[begin:end] = random.choice(SPLICES)


def _near_end(data: bytearray, random: Random) -> None:
    """Formats that are read from their end, such as Parquet and zip, have what matters there."""
    for _ in range(random.choice((1, 2, 4))):
        if data:
            data[-random.randint(1, min(len(data), 600))] = random.randrange(256)


def _near_begin(data: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 2, 4))):
        if data:
            data[random.randrange(min(len(data), 64))] = random.randrange(256)


DAMAGES: Sequence[Callable[[bytearray, Random], None]] = (
    _flip,
    _set,
    _truncate,
    _delete,
    _duplicate,
    _move,
    _insert,
    _replace,
    _near_end,
    _near_begin,
)


def _span(data: bytearray, random: Random) -> tuple[int, int]:
    begin = random.randint(0, len(data))
    return begin, min(len(data), begin + random.choice((1, 2, 4, 16, 100)))


def damaged(data: bytes, random: Random) -> bytes:
    """`data` with one to four damages."""
    content = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        random.choice(DAMAGES)(content, random)
    return bytes(content)


def mutated(target: Target, data: bytes, random: Random) -> bytes:
    """`data` damaged as bytes, or in a way that knows the target's format, or both."""
    if target.mutation is None:
        return damaged(data, random)
    kind = random.randrange(4)
    if kind == 0:
        return damaged(data, random)
    try:
        changed = target.mutation(data, random)
    except Exception:  # what was damaged before need not be of the format any more
        return damaged(data, random)
    return damaged(changed, random) if kind == 1 else changed


def generated(target: Target, random: Random) -> bytes:
    """A mutated example of what the target reads."""
    return mutated(target, random.choice(target.seeds), random)
