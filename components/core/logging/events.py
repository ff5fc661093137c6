"""Events: progress, notices and results of stages and commands, as text for people or as lines of JSON for machines.

A log line carries its context: the campaign, cycle, attempt and stage that this process works on, one for all its
threads. Secrets of the environment, and what looks like one in addresses, are masked.
"""

import functools
import json
import logging
import math
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from labelcycle.components.core.errors import ConfigurationError, printable

HIDDEN = "***"
SHORTEST = 8
"""Characters of the shortest value that is looked for: shorter ones are words that occur anywhere."""

_NAMES = re.compile(r"SECRET|PASSWORD|TOKEN|CREDENTIAL|API_KEY|COOKIE", re.IGNORECASE)
_ADDRESSES = ("LABELCYCLE_WEBHOOK_URL",)
"""Variables with addresses that are as good as passwords."""
_FILES = re.compile(r"_(FILE|PATH|URI|URL|HOST|NAME)$", re.IGNORECASE)
_PATTERNS = (
    (re.compile(r"(://)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    (
        re.compile(r"([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|token)=)[^&\s\"']+", re.I),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(\b(?:Bearer|Basic|Token)\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\1{HIDDEN}"),
)


def without_secrets(text: str) -> str:
    """`text` with user and password of addresses, signatures of links, bearer tokens and known secrets hidden."""
    for name, value in os.environ.items():
        if len(value) >= SHORTEST and _names_a_secret(name):
            text = text.replace(value, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


@functools.cache
def _names_a_secret(variable: str) -> bool:
    return variable in _ADDRESSES or (bool(_NAMES.search(variable)) and not _FILES.search(variable))


LONGEST = 10_000
"""Characters of a text that a line keeps; of longer ones the middle is left out."""


def as_line(record: Mapping[str, Any]) -> str:
    """A record as JSON without a line break inside: no secret, no NaN, and no text without end."""
    return json.dumps(_plain(record), default=lambda value: _text(str(value))) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(content) for name, content in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(content) for content in value]
    return value


def _text(text: str) -> str:
    text = without_secrets(text)
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters left out … {text[-half:]}"


VARIABLE = "LABELCYCLE_LOG"


def json_logs() -> bool:
    """Whether `LABELCYCLE_LOG` asks for JSON; text is what it is without the variable.

    Raises:
        ConfigurationError: the variable names neither.
    """
    value = os.environ.get(VARIABLE, "").strip().lower()
    if value not in ("", "text", "json"):
        raise ConfigurationError(f"{VARIABLE} is {value!r}. Set it to json or text, or leave it out.")
    return value == "json"


FIELDS = ("command", "campaign", "cycle", "attempt", "stage", "target", "shard")

LogContext = dict[str, str | int | None]
"""What the work belongs to, by field."""

_context: LogContext = {}


def log_context() -> LogContext:
    """The fields by name; None for what is not known or does not apply."""
    return {name: _context.get(name) for name in FIELDS}


def set_log_context(**fields: str | int | None) -> None:
    """Change the context from now on; fields that are not named stay."""
    _context.update(fields)


@contextmanager
def within(**fields: str | int | None) -> Iterator[None]:
    """Change the context for the length of a block."""
    before = dict(_context)
    set_log_context(**fields)
    try:
        yield
    finally:
        _context.clear()
        _context.update(before)


_descriptor = 2
_lock = threading.Lock()


def write_line(line: str) -> None:
    """Write a line as a whole. That nobody reads standard error any more is no error of the work."""
    data = line.encode()
    try:
        with _lock:
            while data:
                data = data[os.write(_descriptor, data) :]
    except OSError:
        pass


def write_to(descriptor: int) -> None:
    """Write all further lines to another descriptor."""
    global _descriptor
    _descriptor = descriptor


def _new_lock() -> None:
    """A process that was forked while a line was being written would wait for its lock for ever."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_new_lock)


EVENTS = "LABELCYCLE_EVENTS"
"""Names the file to which each event is appended as a line of JSON, where somebody watches this process."""


def emit(event: str, level: str = "info", **content: Any) -> None:
    """Report an event: to the watcher if there is one, else to the log if it is JSON, else to nobody.

    Args:
        event: what kind it is, such as `started`.
        level: debug, info, warning, error or critical.
        content: further fields, in place of those of the same name that say what the line is about. Among them
            `message`, for people; without it the line names the stage and the event.
    """
    path = os.environ.get(EVENTS)
    if not path and not json_logs():
        return
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    where = log_context()
    message = f"{content.get('stage') or where['stage'] or where['command'] or 'labelcycle'}: {event}"
    record = {"time": time, "level": level, "event": event, **where, "message": message, **content}
    if path:
        _append(path, json.dumps(record, default=str) + "\n")
    else:
        write_line(as_line(record))


def relay(record: Mapping[str, Any]) -> None:
    """Write what another process reported to this one's log, with context that it lacked and this one has."""
    known = {name: value for name, value in log_context().items() if record.get(name) is None}
    write_line(as_line({**record, **known}))


def notice(message: str) -> None:
    """Show the user something that needs no action now but should be seen."""
    emit("notice", level="warning", message=message)
    if EVENTS not in os.environ and not json_logs():
        print(printable(message), file=sys.stderr)


def _append(path: str, line: str) -> None:
    """One write, so that lines of processes that work side by side do not mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Let these loggers report errors only, and put their levels back when the block ends."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
