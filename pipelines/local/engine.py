"""The local engine: the stages of a cycle one after another, in one process that stays for the next cycle."""

from collections.abc import Iterator
from contextlib import contextmanager

from labelcycle.components.core.errors import TransientError
from labelcycle.pipelines.graph import CYCLE, DECISIONS, Graph
from labelcycle.pipelines.local.outcome import CycleRun, StageError
from labelcycle.pipelines.local.stopping import stoppable
from labelcycle.pipelines.local.watch import Watcher
from labelcycle.pipelines.local.worker import Failed, Worker


def run_cycle(
    root: str,
    labels_from: str = "",
    title: str = "cycle",
    finalize: bool = False,
    worker: Worker | None = None,
    graph: Graph = CYCLE,
) -> CycleRun:
    """Run one cycle.

    Args:
        root: the campaign's folder or S3 prefix.
        labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own.
        title: stands before the stage's name in the progress display.
        finalize: train the final model on every label so far, and end the campaign.
        worker: runs the stages; None for one of this cycle's own.
        graph: what is run, in which order.

    Raises:
        StageError: a stage refused its work, or broke off with an error that nobody foresaw.
        TransientError: the worker died without a word (killed, out of memory, a crash); its last output is in the
            message.
        Stopped: by Ctrl-C or SIGTERM.
    """
    with _given_or_own(worker) as working:
        watcher = Watcher(working.new_events(), title)
        try:
            with stoppable(lambda: f"{title}, {working.stage}", working.kill), watcher:
                _run_stages(working, graph, root, labels_from, finalize)
        except (Failed, TransientError) as failure:
            if watcher.error is not None:
                raise StageError(*watcher.error) from failure
            raise
    return CycleRun(watcher.facts, watcher.seconds, watcher.notices)


def _run_stages(worker: Worker, graph: Graph, root: str, labels_from: str, finalize: bool) -> None:
    decided = worker.run(graph.first, root=root, labels_from=labels_from, finalize=finalize)
    for decision in DECISIONS:
        if decided["decision"] == decision:
            for task in graph.branch(decision):
                worker.run(task.stage, root=root, cycle=decided["cycle"], attempt=decided["attempt"], **task.settings)


@contextmanager
def _given_or_own(worker: Worker | None) -> Iterator[Worker]:
    if worker is not None:
        yield worker
    else:
        with Worker() as own:
            yield own
