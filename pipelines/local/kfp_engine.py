"""The pipeline as kfp.local runs it: each stage a process of its own on this machine, begun as in a pod.

It is slower than the local engine, and shows what Kubeflow would make of the pipeline.
"""

import builtins
import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from labelcycle.components.core.config.environment import environment
from labelcycle.components.core.runtime.observation import EVENTS
from labelcycle.components.core.runtime.stage_deadline import descendants, kill_processes
from labelcycle.pipelines.local.outcome import CycleRun, StageError, died_without_a_word
from labelcycle.pipelines.local.stopping import stoppable
from labelcycle.pipelines.local.watch import Watcher

Watching = TypeVar("Watching", bound=Watcher)


def run_cycle_in_kfp(root: str, labels_from: str = "", title: str = "cycle", finalize: bool = False) -> CycleRun:
    """Run the cycle pipeline once through kfp.local; as `labelcycle.pipelines.local.engine.run_cycle` otherwise."""
    from labelcycle.pipelines.cycle import cycle

    arguments = {"root": root, "labels_from": labels_from, "finalize": finalize}
    others = set(descendants())
    with stoppable(lambda: title, lambda: kill_processes(set(descendants()) - others)):
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
            raise died_without_a_word("killed, or out of memory?", log) from error
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
