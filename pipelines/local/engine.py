"""The local engine: the stages of a cycle one after another, in one process that stays for the next cycle.

A second process records committed cycles in MLflow, and stays too.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.errors import TransientError
from labelcycle.pipelines.graph import CYCLE, DECISIONS, Graph
from labelcycle.pipelines.local.outcome import CycleRun, StageError
from labelcycle.pipelines.local.recorder import Recorder
from labelcycle.pipelines.local.stopping import stoppable
from labelcycle.pipelines.local.watch import Watcher
from labelcycle.pipelines.local.worker import Failed, Worker


def run_cycle(
    root: str,
    labels_from: str = "",
    title: str = "cycle",
    finalize: bool = False,
    worker: Worker | None = None,
    recorder: Recorder | None = None,
    graph: Graph = CYCLE,
) -> CycleRun:
    """Run one cycle.

    Args:
        root: the campaign's folder or S3 prefix.
        labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own.
        title: stands before the stage's name in the progress display.
        finalize: train the final model on every label so far, and end the campaign.
        worker: runs the stages; None for one of this cycle's own.
        recorder: records the cycle in MLflow, or leaves that to the next one (`Recorder.owed`) while it is not ready;
            None for one of this cycle's own, which is waited for.
        graph: what is run, in which order.

    Raises:
        StageError: a stage refused its work, or broke off with an error that nobody foresaw.
        TransientError: the worker died without a word (killed, out of memory, a crash); its last output is in the
            message.
        Stopped: by Ctrl-C or SIGTERM.
    """
    with (
        nullcontext(worker) if worker is not None else Worker() as working,
        nullcontext(recorder) if recorder is not None else Recorder(root) as recording,
        watched(title, working, recording) as watcher,
    ):
        if recorder is not None:
            recording.begin()
        decided = working.run(graph.first, root=root, labels_from=labels_from, finalize=finalize)
        if decided["decision"] in DECISIONS:
            recording.begin()
            work = {"cycle": decided["cycle"], "attempt": decided["attempt"]}
            for task in graph.branch(decided["decision"]):
                working.run(task.stage, root=root, **work, **task.settings)
            recording.record(**work, events=watcher.path, wait=recorder is None)
    return CycleRun(watcher.facts, watcher.seconds, watcher.notices)


def record_what_is_missing(worker: Worker, recorder: Recorder, newest: Commit) -> None:
    """Record the cycles that MLflow lacks at the end of a run; the recorder is waited for.

    That it fails is said where no record was tried before.

    Raises:
        StageError, TransientError, Stopped: as `run_cycle`.
    """
    with watched(f"cycle {newest.cycle}", worker, recorder, quiet=recorder.owed is None) as watcher:
        recorder.record(newest.cycle, newest.attempt, watcher.path)


@contextmanager
def watched(title: str, worker: Worker, recorder: Recorder, quiet: bool = False) -> Iterator[Watcher]:
    """Show what the two are doing, until it is done, failed or stopped; not on a terminal where that is to be quiet.

    Raises:
        StageError: in place of `Failed`, or of the end of a process that has told an error before.
        TransientError: one of the two has ended without a word.
        Stopped: by Ctrl-C or SIGTERM; the processes are then ended.
    """

    def end() -> None:
        worker.kill()
        recorder.kill()

    watcher = Watcher(worker.new_events(), title, Console(file=sys.stderr, quiet=True) if quiet else None)
    try:
        with stoppable(lambda: f"{title}, {worker.stage}", end), watcher:
            yield watcher
    except (Failed, TransientError) as failure:
        if watcher.error is not None:
            raise StageError(*watcher.error) from failure
        raise
