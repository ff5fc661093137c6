"""How an error that ends a stage or a command is told: once, however many layers it passes."""

import contextlib
import traceback
from pathlib import Path

from labelcycle.components.core.errors import LONGEST, LabelcycleError, printable
from labelcycle.components.core.exit_codes import exit_code_of
from labelcycle.components.core.logging.events import emit
from labelcycle.components.core.logging.secrets import without_secrets

TERMINATION_LOG = Path("/dev/termination-log")
"""Where Kubernetes looks for what a container says of its end; `kubectl describe pod` and Argo show it."""

_TOLD = "_labelcycle_told"


def tell(error: BaseException) -> int:
    """Tell an error as an event, unless that was done already; returns the exit code that it stands for.

    The event is `error` for errors that labelcycle raises on purpose, `interrupted` for Ctrl-C, and `crash`, with its
    traceback, for all others. In a container of Kubernetes the message is also what is shown of its end.
    """
    code = exit_code_of(error)
    if getattr(error, _TOLD, False):
        return code
    setattr(error, _TOLD, True)
    _leave_behind(error)
    if isinstance(error, LabelcycleError):
        emit("error", level="error", error=type(error).__name__, message=str(error), exit_code=code)
    elif isinstance(error, KeyboardInterrupt):
        emit("interrupted", level="warning", message="stopped; nothing committed is lost", exit_code=code)
    else:
        name = type(error).__name__
        text = "".join(traceback.format_exception(error))
        emit("crash", level="critical", error=name, message=f"{name}: {error}", traceback=text, exit_code=code)
    return code


def _leave_behind(error: BaseException) -> None:
    """Write the message where Kubernetes looks for it, which exists in its containers alone. It takes 4096 bytes."""
    text = str(error) if isinstance(error, LabelcycleError) else f"{type(error).__name__}: {error}"
    with contextlib.suppress(OSError):
        if TERMINATION_LOG.exists():
            TERMINATION_LOG.write_bytes(without_secrets(printable(text)).encode()[:LONGEST])
