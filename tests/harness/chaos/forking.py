"""Processes that have everything imported when they begin: copies of this one, each leader of a group of its own.

A copy of a process has only the thread that made it, and whatever lock another thread held stays locked for ever. So
this process must have no thread but one.
"""

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1

CRASHED = 70
"""The exit code of a copy that ended with an exception that no command would end with."""


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, or minus the number of the signal that killed it; and after how long."""

    code: int
    seconds: float

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def fork(work: Callable[[], int], folder: Path, environment: dict[str, str]) -> int:
    """Begin `work` in a copy of this process, whose exit code it returns; returns the copy's id.

    Args:
        work: what the copy does.
        folder: its working directory, and where it writes `log.txt`.
        environment: variables that it has beside this process's.
    """
    assert len(threads()) == 1, f"this process has the threads {threads()}, so that its copies might hang"
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = CRASHED
    try:
        os.setsid()
        _end_with_parent()
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(folder)
        os.environ |= environment
        code = _exit_code(work)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _end_with_parent() -> None:
    """Let the system end this process when the one that made it ends, however that is ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def threads() -> list[str]:
    """Names of this process's threads, but for one of Arrow's memory allocator, which minds copies by itself."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if name != "jemalloc_bg_thd"]


def _exit_code(work: Callable[[], int]) -> int:
    from labelcycle.components.core.errors import LabelcycleError

    try:
        return work()
    except LabelcycleError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return int(error.exit_code)
    except BaseException:
        traceback.print_exc()
        return CRASHED


def wait(pid: int, began: float, kill_after: float | None = None, limit: float = 900.0) -> Ended:
    """Wait for the end of a copy, and kill its whole group at a moment, or when it hangs.

    Args:
        pid: the copy's.
        began: when it did, by `time.monotonic`.
        kill_after: seconds from then; None to let it end.
        limit: seconds from then after which it counts as hanging, and is killed with signal 6.
    """
    moment = limit if kill_after is None else kill_after
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        seconds = time.monotonic() - began
        if done:
            return Ended(os.waitstatus_to_exitcode(status), seconds)
        if seconds >= moment:
            _kill_group(pid, signal.SIGABRT if kill_after is None else signal.SIGKILL)
            moment = float("inf")
        time.sleep(min(0.02 if kill_after is None else 0.002, max(0.0, moment - seconds)))


def _kill_group(pid: int, number: int) -> None:
    """The copy may not have become the leader of a group yet, and is then alone."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        os.kill(pid, number)


def answer_of(work: Callable[[], Any], folder: Path, environment: dict[str, str]) -> Any:
    """What `work` returns, as JSON holds it, done in a copy of this process.

    Raises:
        RuntimeError: the copy failed; its log is in the message.
    """
    reader, writer = os.pipe()

    def tell() -> int:
        with os.fdopen(writer, "w") as pipe:
            json.dump(work(), pipe)
        return 0

    pid, began = fork(tell, folder, environment), time.monotonic()
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    ended = wait(pid, began)
    if ended.code != 0:
        raise RuntimeError(f"exit code {ended.code}:\n{(folder / 'log.txt').read_text(errors='replace')[-4000:]}")
    return json.loads(text)
