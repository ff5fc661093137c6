"""Text from anywhere: UTF-8, or UTF-16 where the file begins with its mark. Everything else is refused, not guessed."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How files of UTF-16 begin."""

OFTEN = "cp1252"
"""What spreadsheets in Western Europe and America write where nobody asks them for UTF-8."""

SHOWN = 40
"""Bytes around the first that is not UTF-8, which a message shows."""


def encoding_of(path: Path) -> str:
    """The encoding that the first bytes of a file say, as Python calls it; a mark is not part of the text.

    Raises:
        ValueError: it is UTF-16 without its mark, UTF-32, or no text.
    """
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(UTF_16) and b"\0\0" not in head:
        return "utf-16"
    if b"\0" in head:
        raise ValueError("it holds bytes of zero, as no UTF-8 and no UTF-16 with its mark does. Save it as UTF-8")
    return "utf-8-sig"


@contextmanager
def open_text(path: Path, newline: str | None = None) -> Iterator[TextIO]:
    """The text of a file.

    Args:
        path: the file.
        newline: as of `open`.

    Raises:
        ValueError: it is neither UTF-8 nor UTF-16 with its mark, also where that shows only while it is read; the line
            and the remedy are named.
    """
    encoding = encoding_of(path)
    try:
        with path.open(encoding=encoding, newline=newline) as file:
            yield file
    except UnicodeDecodeError as error:
        reason = _fault_of(path.read_bytes()) if encoding == "utf-8-sig" else "it begins as UTF-16 but is damaged"
        raise ValueError(f"{reason}. Save it as UTF-8") from error


def _fault_of(data: bytes) -> str:
    """Which byte is not UTF-8, in which line, and what the line may mean instead."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        place = error.start
    else:
        return "it is not utf-8"
    begin = max(data.rfind(b"\n", 0, place) + 1, place - SHOWN)
    shown = data[begin : place + SHOWN].split(b"\n")[0]
    line = data.count(b"\n", 0, place) + 1
    fault = f"it is not utf-8: line {line} has the byte 0x{data[place]:02x}"
    try:
        return f"{fault}, with which it would read {shown.decode(OFTEN).strip()!r} in Windows-1252"
    except UnicodeDecodeError:
        return fault
