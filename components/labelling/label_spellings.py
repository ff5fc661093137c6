"""Labels that people take for one although their letters differ, and texts that hold several labels.

Both are told from the labels around them. Where classes are named, these say what is one.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable

from labelcycle.components.core.errors import near_miss

ONE_LABEL = "labelcycle is for one label an image"

_DECIMAL = re.compile(r"([+-]?\d+)[.,](\d+)")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_SEPARATOR = re.compile(r"[,;|/+&]")
_LISTED = re.compile(r"[;|]")
"""Separators that names of classes hardly have: a part that stands in two such texts is taken for a class."""

THOUSANDS = 3
"""As many digits behind a comma may be thousands as well as decimals."""


def folded(text: str) -> str:
    """What two spellings of one label have in common: the letters without case, Unicode form, and needless spaces.

    Of a number it is the value, so that 1, 1.0 and 1,0 are one.
    """
    if text.isascii():
        plain = text.lower()
    else:
        plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    plain = " ".join(plain.split())
    if number := _DECIMAL.fullmatch(plain):
        decimals = number[2].rstrip("0")
        return f"{number[1]}.{decimals}" if decimals else number[1]
    return plain


def two_spellings(labels: Iterable[str]) -> tuple[str, str] | None:
    """The first label that is another one before it in another spelling, and that one; None where there is none."""
    seen: dict[str, str] = {}
    for label in labels:
        other = seen.setdefault(folded(label), label)
        if other != label:
            return label, other
    return None


def difference(one: str, other: str) -> str:
    """In what two spellings of one label differ, such as `only in case`."""
    forms = [unicodedata.normalize("NFC", text) for text in (one, other)]
    if forms[0] == forms[1]:
        return "only in their Unicode form"
    spaces = [" ".join(text.split()) for text in forms]
    if spaces[0] == spaces[1]:
        return "only in spaces"
    if _NUMBER.fullmatch(spaces[0]):
        return "only in how the number is written"
    return "only in case" if forms[0].casefold() == forms[1].casefold() else "only in case and form"


def likely_class(label: object, classes: Collection[object]) -> str:
    """A sentence, with a space before it, on the class that a label is nearly: in what they differ, or a guess.

    Args:
        label: that is none of the classes.
        classes: texts, or values of other types.

    Returns:
        Empty where no class is like it.
    """
    text = str(label)
    if same := [name for name in classes if str(name) == text and type(name) is not type(label)]:
        return (
            f" It is of type {type(label).__name__}, and the class {same[0]!r} of type {type(same[0]).__name__}. "
            f"Give {same[0]!r}."
        )
    names = [str(name) for name in classes]
    alike = next((name for name in names if folded(name) == folded(text)), None)
    if alike is None or alike == text:
        return near_miss(text, names)
    return f" Did you mean {alike!r}? They differ {difference(text, alike)}."


def with_points(labels: Collection[str]) -> dict[str, str]:
    """Labels that are numbers with a decimal comma, with a point instead; empty where the comma may be something else.

    It is a decimal comma where all labels are numbers, none has a point, and one has not just three digits behind it.

    Raises:
        ValueError: some have a comma and some a point.
    """
    commas = [label for label in labels if "," in label]
    if not commas or not all(map(_NUMBER.fullmatch, labels)):
        return {}
    if points := [label for label in labels if "." in label]:
        raise ValueError(f"{commas[0]!r} has a decimal comma and {points[0]!r} a decimal point. Write one of them")
    if all(len(label.partition(",")[2]) == THOUSANDS for label in commas):
        return {}
    return {label: label.replace(",", ".") for label in commas}


def several_labels(label: str, labels: Collection[str], listed: Collection[str] = ()) -> list[str]:
    """The labels that a text lists, each of which is one of its own; empty where it is a single one.

    Args:
        label: the text.
        labels: all labels, among which the parts are looked for.
        listed: parts of other texts (`parts_listed`), among which they are looked for too.
    """
    if not _SEPARATOR.search(label):
        return []
    for separator in sorted(set(_SEPARATOR.findall(label))):
        parts = [part.strip() for part in label.split(separator)]
        known = [part in labels or (separator in ";|" and part in listed) for part in parts]
        if len(parts) > 1 and all(known):
            return parts
    return []


def parts_listed(labels: Iterable[str]) -> set[str]:
    """Parts that stand in more than one text that lists some by semicolons or bars."""
    seen: set[str] = set()
    again: set[str] = set()
    for label in labels:
        if _LISTED.search(label):
            parts = {part.strip() for part in _LISTED.split(label)}
            again |= parts & seen
            seen |= parts
    return again
