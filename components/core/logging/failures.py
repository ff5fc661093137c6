"""How an error that ends a stage or a command is told: once, however many layers it passes."""

import traceback

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.exit_codes import exit_code_of
from labelcycle.components.core.logging.events import emit

_TOLD = "_labelcycle_told"


def tell(error: BaseException) -> int:
    """Tell an error as an event, unless that was done already; returns the exit code that it stands for.

    The event is `error` for errors that labelcycle raises on purpose, `interrupted` for Ctrl-C, and `crash`, with its
    traceback, for all others.
    """
    code = exit_code_of(error)
    if getattr(error, _TOLD, False):
        return code
    setattr(error, _TOLD, True)
    if isinstance(error, LabelcycleError):
        emit("error", level="error", error=type(error).__name__, message=str(error), exit_code=code)
    elif isinstance(error, KeyboardInterrupt):
        emit("interrupted", level="warning", message="stopped; nothing committed is lost", exit_code=code)
    else:
        name = type(error).__name__
        text = "".join(traceback.format_exception(error))
        emit("crash", level="critical", error=name, message=f"{name}: {error}", traceback=text, exit_code=code)
    return code
