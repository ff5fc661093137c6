"""The record in MLflow, made by a process of its own, which gets ready while stages are at work.

To import MLflow, and to make its database, takes longer than all stages of a first cycle together.
"""

import os
from pathlib import Path
from types import TracebackType

from labelcycle.pipelines.local.stage_process import MAKE_READY, RECORD
from labelcycle.pipelines.local.worker import Worker


class Recorder:
    """Records the committed cycles of one campaign. Use as a context manager.

    Each record covers every cycle that MLflow lacks. So a cycle that is committed before the process is ready need not
    wait: the next record, or the last one of a run, has it.

    Attributes:
        begun: whether there is a process.
        owed: cycle and attempt of the newest commit, where its record was left to the next one.
    """

    def __init__(self, root: str) -> None:
        self._root, self._worker = root, Worker()
        self.begun = False
        self.owed: tuple[int, str] | None = None

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._worker.__exit__(kind, error, traceback)

    def begin(self) -> None:
        """Begin the process, which makes itself ready, unless it has begun."""
        if not self.begun:
            self.begun = True
            self._worker.start(MAKE_READY, root=self._root)

    def record(self, cycle: int, attempt: str, events: Path, wait: bool = True) -> None:
        """Record every committed cycle that MLflow lacks.

        Args:
            cycle: the newest.
            attempt: that of its commit.
            events: the file that events are appended to.
            wait: for a process that is not ready; else the record is owed. It is waited for in any case where a
                platform has prepared a run of MLflow, which is that of the first cycle.

        Raises:
            Failed, TransientError: as `Worker.run`.
        """
        self.begin()
        self.owed = (cycle, attempt)
        if wait or not self._worker.busy or "MLFLOW_RUN_ID" in os.environ:
            self._worker.events = events
            self._worker.run(RECORD, root=self._root, cycle=cycle, attempt=attempt)
            self.owed = None

    def kill(self) -> None:
        """Kill the process and those that it has started."""
        self._worker.kill()
