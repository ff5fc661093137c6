"""The exception tree. Every error names the thing, the place and the remedy; its class decides the exit code."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 4000
"""Characters of a message that are shown; of longer ones the middle is left out."""

MOST_NAMED, LONGEST_NAMED = 12, 40
"""Names that a list in a message has, and characters of each."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class LabelcycleError(Exception):
    """Base of every error that labelcycle raises on purpose.

    Messages quote what files hold, which may be long, or hold characters that steer terminals, forge lines of logs or
    cannot be printed. As text they are short, and such characters are written as escapes.
    """

    exit_code = 1

    def __str__(self) -> str:
        return printable(super().__str__())


def printable(text: str) -> str:
    """`text` as it can be shown: at most `LONGEST` characters, control characters and lone surrogates escaped."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def near_miss(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the known name that is most like `name`, also in another case; empty where none is.

    Empty also where it is a known name as it stands: what is wrong with it is not its spelling.
    """
    names = [*known]
    if name in names:
        return ""
    by_folded = {one.casefold(): one for one in names}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""


def names_in_words(names: Iterable[str], most: int = MOST_NAMED) -> str:
    """Names, such as of columns, for a message: the first ones, at most so many, each cut where it is long."""
    every = list(names)
    shown = ", ".join(name if len(name) <= LONGEST_NAMED else f"{name[:LONGEST_NAMED]}…" for name in every[:most])
    return f"{shown}, and {len(every) - most} more" if len(every) > most else shown


class InputError(LabelcycleError):
    """Data given by the user (images, tables, labels) cannot be used as it is."""


class ConfigurationError(LabelcycleError):
    """A setting, recipe, flag or credential is wrong or missing."""


class CampaignError(LabelcycleError):
    """The campaign store holds something other than what was asked for, or something damaged."""


class TransientError(LabelcycleError):
    """A service or network failed in a way that may pass; the same command may be run again."""

    exit_code = 2


WAITING_FOR_LABELS = 3
"""Exit code of a run that stops because people have still to label its query."""
