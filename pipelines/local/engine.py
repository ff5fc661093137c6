"""The local engine: the same pipeline run by kfp.local, each stage a process of its own on this machine."""

import builtins
import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from labelcycle.components.core.config.environment import environment
from labelcycle.components.core.errors import LabelcycleError, TransientError
from labelcycle.components.core.runtime.observation import EVENTS
from labelcycle.pipelines.local.watch import Watcher

LOG_TAIL = 30
Watching = TypeVar("Watching", bound=Watcher)


class StageError(LabelcycleError):
    """A stage refused its work or broke off; the exit code is the stage's own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class CycleRun:
    """What one run of the pipeline did.

    Attributes:
        facts: what each stage reported, by stage.
        seconds: time of each stage's own work.
        notices: what the user was told.
    """

    facts: dict[str, dict[str, object]]
    seconds: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    @property
    def decision(self) -> str:
        """What label_ingest decided: cold_start, train, wait or done."""
        return str(self.facts["label_ingest"]["decision"])


def run_cycle(root: str, labels_from: str = "", title: str = "cycle", finalize: bool = False) -> CycleRun:
    """Run the cycle pipeline once.

    Args:
        root: the campaign's folder or S3 prefix.
        labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own.
        title: stands before the stage's name in the progress display.
        finalize: train the final model on every label so far, and end the campaign.

    Raises:
        StageError: a stage refused its work, or broke off with an error that nobody foresaw.
        TransientError: a stage died without a word (killed, out of memory, a crash); its last output is in the message.
    """
    from labelcycle.pipelines.cycle import cycle

    arguments = {"root": root, "labels_from": labels_from, "finalize": finalize}
    watcher = run_pipeline(cycle, arguments, lambda events: Watcher(events, title))
    return CycleRun(watcher.facts, watcher.seconds, watcher.notices)


def run_pipeline(
    pipeline: Callable[..., object],
    arguments: Mapping[str, Any],
    watch: Callable[[Path], Watching],
    variables: Mapping[str, str] | None = None,
) -> Watching:
    """Run a pipeline through kfp.local, and return its watcher.

    Args:
        pipeline: decorated with `dsl.pipeline`.
        arguments: the pipeline's own.
        watch: makes the watcher, given the file that the stages append their events to.
        variables: environment variables for the stages.

    Raises:
        StageError: a stage refused its work, or broke off with an error that nobody foresaw.
        TransientError: a stage died without a word (killed, out of memory, a crash); its last output is in the message.
    """
    from kfp import local

    with tempfile.TemporaryDirectory(prefix="labelcycle-") as folder:
        scratch = Path(folder)
        events, log = scratch / "events.jsonl", scratch / "log.txt"
        local.init(
            runner=local.SubprocessRunner(use_venv=False),
            pipeline_root=str(scratch / "outputs"),
            workspace_root=str(scratch / "workspace"),
            raise_on_error=True,
        )
        watcher = watch(events)
        surroundings = environment({**(variables or {}), EVENTS: str(events)})
        try:
            with (
                surroundings,
                _own_output(),
                log.open("w") as sink,
                contextlib.redirect_stdout(sink),
                watcher,
            ):
                pipeline(**arguments)
        except RuntimeError as error:
            if watcher.error is not None:
                raise StageError(*watcher.error) from error
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL:])
            raise TransientError(
                f"A stage died without reporting an error (killed, or out of memory?). Its last output:\n{tail}\n"
                "Nothing committed is lost. Run the same command again."
            ) from error
        return watcher


@contextlib.contextmanager
def _own_output() -> Iterator[None]:
    """Put back `print` and the root logger, which kfp.local replaces while tasks run.

    It does so in each of its threads, so that with a loop's tasks side by side a replacement can be what is put back.
    """
    root = logging.getLogger()
    before, handlers, level = builtins.print, list(root.handlers), root.level
    try:
        yield
    finally:
        builtins.print = before
        root.handlers[:] = handlers
        root.setLevel(level)
