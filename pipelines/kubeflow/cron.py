"""When a schedule starts runs: cron expressions and intervals as Kubeflow Pipelines takes them.

Source: the format of github.com/robfig/cron, which has seconds in front:
https://pkg.go.dev/github.com/robfig/cron#hdr-CRON_Expression_Format
"""

import re

from labelcycle.components.core.errors import ConfigurationError

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 6, DAYS),
)
UNITS = {"m": 60, "h": 3600, "d": 86400}


def checked_cron(expression: str) -> str:
    """The cron expression, single spaces between its fields.

    The server reads an expression of five fields, as crontab has them, as one that lacks its last field, and so starts
    runs at other times than meant. That is why it is refused here.

    Raises:
        ConfigurationError: it has not six fields, or one of them is wrong.
    """
    parts = expression.split()
    if len(parts) == len(FIELDS) - 1:
        raise ConfigurationError(
            f"--cron {expression!r} has 5 fields, as crontab has. Kubeflow Pipelines has seconds in front: write "
            f"'0 {' '.join(parts)}'."
        )
    if len(parts) != len(FIELDS):
        raise ConfigurationError(
            f"--cron {expression!r} has {len(parts)} fields, not 6: second, minute, hour, day of the month, month, day "
            "of the week. Every day at six is '0 0 6 * * *'."
        )
    if not re.fullmatch("[0-9]+", parts[0]):
        raise ConfigurationError(
            f"--cron {expression!r} would start runs every few seconds. Begin with one second, such as 0."
        )
    for part, (name, least, most, words) in zip(parts, FIELDS, strict=True):
        for choice in part.split(","):
            if not _fits(choice, least, most, words):
                raise ConfigurationError(
                    f"--cron {expression!r}: {part!r} is no {name}, which is from {least} to {most}, a range such as "
                    f"{least}-{most}, a list with commas, * for all, or */2 for every second one."
                )
    return " ".join(parts)


def _fits(choice: str, least: int, most: int, words: tuple[str, ...]) -> bool:
    span, slash, step = choice.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span in ("*", "?"):
        return span == "*" or not slash
    first, dash, last = span.partition("-")
    numbers = [_number(text, least, words) for text in ([first, last] if dash else [first])]
    values = [number for number in numbers if number is not None and least <= number <= most]
    return len(values) == len(numbers) and values == sorted(values)


def _number(text: str, least: int, words: tuple[str, ...]) -> int | None:
    if text.upper() in words:
        return words.index(text.upper()) + least
    return int(text) if text.isascii() and text.isdigit() else None


def seconds_of(interval: str) -> int:
    """An interval such as `30m`, `1h` or `7d`, in seconds.

    Raises:
        ConfigurationError: it is written in another way.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", interval)
    if match is None:
        raise ConfigurationError(f"--every {interval!r} is no interval. Write minutes, hours or days: 30m, 1h, 7d.")
    return int(match[1]) * UNITS[match[2]]
