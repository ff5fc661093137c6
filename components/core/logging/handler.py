"""Records of Python's logging, and warnings, as events."""

import logging
import traceback

from labelcycle.components.core.logging.events import emit

WARNINGS = "py.warnings"
"""The logger to which Python's logging hands warnings."""


class EventHandler(logging.Handler):
    """Tells each record as an event: `warning` if it is one of Python's warnings, else `log`."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler.emit`."""
        try:
            content = {"logger": record.name, "message": record.getMessage().strip()}
            if record.exc_info and record.exc_info[1] is not None:
                content["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
            emit("warning" if record.name == WARNINGS else "log", level=record.levelname.lower(), **content)
        except Exception:
            self.handleError(record)
