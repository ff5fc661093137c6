"""How an error ends a stage or a command: it is reported once, and its class decides the exit code."""

import contextlib
import errno
import os
import sys
import traceback
from concurrent.futures import BrokenExecutor
from pathlib import Path
from subprocess import CalledProcessError

from labelcycle.components.core.errors import LONGEST, LabelcycleError, printable
from labelcycle.components.core.logging.events import emit, without_secrets

GIVE_UP = 1
TRY_AGAIN = 2
INTERRUPTED = 130

MAY_PASS = {
    errno.EAGAIN,
    errno.EBUSY,
    errno.EDQUOT,
    errno.EHOSTUNREACH,
    errno.EIO,
    errno.EMFILE,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.ESTALE,
}
"""Errors of the operating system that lie in a machine's state and not in what it was asked: no space, no memory, no
connection, a file system that went away."""


def exit_code_of(error: BaseException) -> int:
    """The exit code of a process that this error ends.

    labelcycle's own errors say theirs. Others may pass (2) if they lie in the machine: no memory, be it the processor's
    or a GPU's, no space, no connection, a worker process that was killed. All else is a fault in the program, which
    another try would only meet again (1).
    """
    if isinstance(error, LabelcycleError):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return TRY_AGAIN if _may_pass(error) else GIVE_UP


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, MemoryError | ConnectionError | TimeoutError | BrokenExecutor):
        return True
    if isinstance(error, CalledProcessError):
        return error.returncode < 0 or error.returncode > 128
    if isinstance(error, OSError):
        return error.errno in MAY_PASS or (error.errno is None and _came_of_one_that_may_pass(error))
    return _space_ran_out(error) or _gpu_memory_ran_out(error) or _data_worker_was_killed(error)


def _came_of_one_that_may_pass(error: BaseException) -> bool:
    """Whether an error was raised while another was handled that may pass; HTTP clients have classes of their own."""
    before = error.__cause__ or error.__context__
    return before is not None and (_may_pass(before) or _came_of_one_that_may_pass(before))


def _space_ran_out(error: BaseException) -> bool:
    """Whether a library that writes files without Python found no space; it says so in the system's words."""
    return os.strerror(errno.ENOSPC) in str(error)


def _gpu_memory_ran_out(error: BaseException) -> bool:
    """Whether torch found no memory on a GPU, which another process may have been holding."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


def _data_worker_was_killed(error: BaseException) -> bool:
    """Whether a worker of torch's DataLoader died; torch has no class for it."""
    return (
        isinstance(error, RuntimeError)
        and str(error).startswith("DataLoader worker")
        and ("killed" in str(error) or "exited" in str(error))
    )


TERMINATION_LOG = Path("/dev/termination-log")
"""Where Kubernetes looks for what a container says of its end; `kubectl describe pod` and Argo show it."""

_REPORTED = "_labelcycle_reported"


def report_failure(error: BaseException) -> int:
    """Report an error as an event, unless that was done already; returns the exit code that it stands for.

    The event is `error` for errors that labelcycle raises on purpose, `interrupted` for Ctrl-C, and `crash`, with its
    traceback, for all others. In a container of Kubernetes the message is also what is shown of its end.
    """
    code = exit_code_of(error)
    if getattr(error, _REPORTED, False):
        return code
    setattr(error, _REPORTED, True)
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
