"""Events: what stages and commands tell while they work, to whoever watches and to the log."""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from labelcycle.components.core.errors import printable
from labelcycle.components.core.logging.descriptor import write_line
from labelcycle.components.core.logging.line import as_line
from labelcycle.components.core.logging.mode import json_logs
from labelcycle.components.core.logging.place import place

EVENTS = "LABELCYCLE_EVENTS"
"""Names the file to which each event is appended as a line of JSON, where somebody watches this process."""


def emit(event: str, level: str = "info", **content: Any) -> None:
    """Tell an event: to the watcher if there is one, else to the log if it is JSON, else to nobody.

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
    where = place()
    message = f"{content.get('stage') or where['stage'] or where['command'] or 'labelcycle'}: {event}"
    record = {"time": time, "level": level, "event": event, **where, "message": message, **content}
    if path:
        _append(path, json.dumps(record, default=str) + "\n")
    else:
        write_line(as_line(record))


def relay(record: Mapping[str, Any]) -> None:
    """Write what another process told to this one's log; what it did not know of its place, this one may."""
    known = {name: value for name, value in place().items() if record.get(name) is None}
    write_line(as_line({**record, **known}))


def notice(message: str) -> None:
    """Tell the user something that needs no action now but should be seen."""
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
