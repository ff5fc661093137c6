"""A process that works for the local engine, as the engine sees it: stages, or the record in MLflow."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from labelcycle.components.core.runtime.observation import EVENTS
from labelcycle.components.core.runtime.stage_deadline import descendants, kill_processes
from labelcycle.pipelines.local.outcome import died_without_a_word

PROGRAM = "labelcycle.pipelines.local.stage_process"
SECONDS_TO_END = 10.0
"""How long a process without work may take to end before it is killed."""

SECONDS_BETWEEN_LOOKS = 0.5
"""How often the engine looks whether the process lives; that it has answered is noticed at once."""


class Failed(Exception):
    """A stage ended with an error, which it has told as an event."""


class Worker:
    """Runs stages in one process, which begins with the first of them. Use as a context manager.

    The process ends with this one, also where this one is killed. Where it ends itself, the next stage begins another.

    Attributes:
        stage: the name of the stage that is at work, or was last.
        events: the file that stages append their events to; None for none.
    """

    def __init__(self) -> None:
        self.stage = ""
        self._folder = tempfile.TemporaryDirectory(prefix="labelcycle-")
        self._log = Path(self._folder.name) / "log.txt"
        self.events: Path | None = None
        self._runs = 0
        self._awaited = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._replies = -1
        self._unread = b""

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end(kindly=error is None)
        self._folder.cleanup()

    def new_events(self) -> Path:
        """A file that does not exist, which stages append their events to from now on."""
        self._runs += 1
        self.events = Path(self._folder.name) / f"events-{self._runs}.jsonl"
        return self.events

    def run(self, stage: str, **arguments: Any) -> dict[str, Any]:
        """Run a stage. Returns the facts that decide how the run goes on.

        Args:
            stage: its name.
            arguments: of its `run`.

        Raises:
            Failed: the stage ended with an error.
            TransientError: the process has ended without an answer; its last output is in the message.
        """
        self.start(stage, **arguments)
        answer = self._next_answer()
        while self._awaited:  # that was to what was started before
            answer = self._next_answer()
        if "failed" in answer:
            raise Failed(answer["failed"])
        facts: dict[str, Any] = answer["facts"]
        return facts

    def start(self, stage: str, **arguments: Any) -> None:
        """Have a stage run, and do not wait for it. What `run` is asked for comes after it; its facts are lost."""
        self.stage = stage
        if self._process is None:
            self._begin()
        assert self._process is not None and self._process.stdin is not None
        variables = {} if self.events is None else {EVENTS: str(self.events)}
        order = json.dumps({"stage": stage, "arguments": arguments, "variables": variables})
        with contextlib.suppress(BrokenPipeError):  # it has ended; how is told where it is waited for
            self._process.stdin.write(order.encode() + b"\n")
            self._process.stdin.flush()
        self._awaited += 1

    @property
    def busy(self) -> bool:
        """Whether something is at work that is not waited for."""
        with selectors.DefaultSelector() as selector:
            if not self._awaited:
                return False
            selector.register(self._replies, selectors.EVENT_READ)
            return not (self._unread or selector.select(0))

    def kill(self) -> None:
        """Kill the process and those that it has started."""
        if self._process is not None and self._process.poll() is None:
            kill_processes([*descendants(self._process.pid), self._process.pid])

    def _begin(self) -> None:
        read, write = os.pipe()
        try:
            with self._log.open("ab") as sink:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", PROGRAM, str(write)],
                    stdin=subprocess.PIPE,
                    stdout=sink,
                    stderr=sink,
                    pass_fds=[write],
                )
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        self._replies, self._unread, self._awaited = read, b"", 0

    def _next_answer(self) -> dict[str, Any]:
        answer = self._answer()
        if answer is None:
            how = self._how_it_ended()
            self._end(kindly=False)
            raise died_without_a_word(f"{self.stage}, {how}", self._log)
        self._awaited -= 1
        return answer

    def _answer(self) -> dict[str, Any] | None:
        """The next answer; None where the process has ended without one.

        Processes that it has started may hold its end of the pipe open, so that an end of file is not waited for.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._replies, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                assert self._process is not None
                gone = self._process.poll() is not None
                if not selector.select(0 if gone else SECONDS_BETWEEN_LOOKS):
                    if gone:
                        return None
                    continue
                data = os.read(self._replies, 65536)
                if not data:
                    self._process.wait()
                    return None
                self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _how_it_ended(self) -> str:
        assert self._process is not None
        code = self._process.wait()
        if code < 0:
            known = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            return f"killed by {known}" + (", out of memory?" if -code == signal.SIGKILL else "")
        return f"exit code {code}"

    def _end(self, kindly: bool) -> None:
        """End the process: let it end itself, or kill it."""
        process, self._process, self._awaited = self._process, None, 0
        if process is None:
            return
        below = [] if process.poll() is not None else descendants(process.pid)
        if not kindly:
            kill_processes([*below, process.pid] if process.returncode is None else [])
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            kill_processes([*below, process.pid])
            process.wait()
        os.close(self._replies)
