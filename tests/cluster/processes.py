"""One server of the node: a process group of its own in the node's namespaces, with a log, stopped by its number."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.namespaces import Namespaces, await_that, environment

SECONDS_TO_END = 30


class Server:
    """A server that may be stopped, killed and started again."""

    def __init__(
        self,
        name: str,
        namespaces: Namespaces,
        command: Sequence[str],
        logs: Path,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        self._command = namespaces.command(*command)
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what it writes is added to its log."""
        assert self._process is None, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=environment() | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def group(self) -> int:
        """Number of its process group; 0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Signal the whole group, wait until it has ended, and kill what does not end."""
        if self._process is None:
            return
        group = self._process.pid
        signal_group(group, how)
        signal_group(group, signal.SIGCONT)  # nsenter stops itself when it sees its server stopped, however late
        try:
            self._process.wait(SECONDS_TO_END)
            await_that(lambda: not group_exists(group), f"{self.name} has ended", SECONDS_TO_END)
        except (subprocess.TimeoutExpired, AssertionError):
            signal_group(group, signal.SIGKILL)
            self._process.wait(SECONDS_TO_END)
            await_that(lambda: not group_exists(group), f"{self.name} has ended", SECONDS_TO_END)
        self._process = None

    def send(self, how: signal.Signals) -> None:
        """Signal the whole group, which goes on."""
        assert self._process is not None, f"{self.name} does not run"
        signal_group(self._process.pid, how)

    def let_go(self) -> None:
        """Let it live on when this process ends, without a warning."""
        if self._process is not None:
            self._process.returncode = 0

    def said(self, characters: int = 4000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""

    def await_answer(self, answers: object, seconds: float = 120) -> None:
        """Wait until a function says True.

        Raises:
            AssertionError: the server ended, or does not answer in this time; the end of its log is in the message.
        """
        assert callable(answers)
        try:
            await_that(lambda: not self.running or answers(), f"{self.name} answers", seconds, interval=0.25)
        except AssertionError as silent:
            raise AssertionError(f"{silent}:\n{self.said()}") from None
        assert self.running, f"{self.name} has ended:\n{self.said()}"


def signal_group(group: int, how: signal.Signals) -> None:
    try:
        os.killpg(group, how)
    except ProcessLookupError:
        return


def group_exists(group: int) -> bool:
    """Whether any process of the group is left; those that have ended and wait for their parent do not count."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, found = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(found) == group and state not in "ZX":
                return True
    return False
