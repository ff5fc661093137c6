"""The process that runs stages for the local engine: `python -m labelcycle.pipelines.local.stage_process <descriptor>`.

Orders come on standard input, answers go to the descriptor, each a line of JSON. What one stage changes in the process
is put back for the next one, so that each finds what it would find in a process of its own, but for what is imported.
"""

import atexit
import json
import os
import queue
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from labelcycle.components.core.logging.events import json_logs, set_log_context, within
from labelcycle.components.core.logging.failures import report_failure
from labelcycle.components.core.logging.json_logs import write_json_logs
from labelcycle.components.core.runtime.garbage_collection import collect_seldom
from labelcycle.components.core.runtime.stage_deadline import descendants, kill_processes
from labelcycle.components.core.storage.without_pandas import spare_pandas
from labelcycle.pipelines.graph import STAGES
from labelcycle.pipelines.one_stage import run_alone

RECORD, MAKE_READY = "record", "make ready to record"
"""What may be ordered beside stages: that committed cycles are recorded in MLflow, and that this will be quick."""

Orders = queue.SimpleQueue[dict[str, Any] | None]


def main() -> None:
    """Carry out orders until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to every process; the engine's own decides
    answers = os.fdopen(int(sys.argv[1]), "w")
    os.set_inheritable(answers.fileno(), False)
    source = os.fdopen(os.dup(0))
    with open(os.devnull) as nothing:  # noqa: PTH123 - what stages start must not read orders
        os.dup2(nothing.fileno(), 0)
    if json_logs():
        write_json_logs()
    spare_pandas()
    collect_seldom()
    orders: Orders = queue.SimpleQueue()
    counts = _Counts()
    threading.Thread(target=_read_orders, args=[source, orders, counts], name="orders", daemon=True).start()
    while (order := orders.get()) is not None:
        answer = carry_out(order)
        counts.answered += 1
        print(json.dumps(answer), file=answers, flush=True)
    atexit._run_exitfuncs()
    os._exit(0)  # what is imported takes long to be taken down


@dataclass
class _Counts:
    """How many orders have come, and how many were answered; each is counted by one thread alone."""

    read: int = 0
    answered: int = 0


def _read_orders(source: IO[str], orders: Orders, counts: _Counts) -> None:
    """Hand orders on. Where these end while a stage is at work the engine is gone, and this process ends at once."""
    for line in source:
        counts.read += 1
        orders.put(json.loads(line))
    if counts.read > counts.answered:
        kill_processes(descendants())
        os._exit(1)
    orders.put(None)


def carry_out(order: Mapping[str, Any]) -> dict[str, Any]:
    """Run a stage. Returns the facts that decide how the run goes on, or how it failed, which was told as an event.

    Args:
        order: `stage`, or what else is to be done; `arguments` of its `run`; and environment `variables`.
    """
    with unchanged():
        os.environ.update(order["variables"])
        try:
            return {"facts": _facts(order["stage"], order["arguments"])}
        except Exception as error:
            report_failure(error)
            return {"failed": f"{type(error).__name__}: {error}"}


def _facts(stage: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Do what the order is for."""
    if stage in STAGES:
        facts = run_alone(stage, **arguments).as_record()
        return {name: facts[name] for name in STAGES[stage].gives}
    if stage == MAKE_READY:
        from labelcycle.components.tracking.preparation import make_ready

        make_ready(arguments["root"])
    elif stage == RECORD:
        from labelcycle.components.publish.mlflow_record import record_in_mlflow

        set_log_context(stage="publish", cycle=arguments["cycle"], attempt=arguments["attempt"])
        record_in_mlflow(arguments["root"])
    else:
        raise ValueError(f"there is no stage {stage!r}")
    return {}


@contextmanager
def unchanged() -> Iterator[None]:
    """Put back what a stage may change for all of its process.

    That is its environment, folder, umask, warnings and place in the log; generators of random numbers that all share
    are as in a new process, and so are torch's threads, number types and determinism.
    """
    variables, folder, mask = dict(os.environ), os.getcwd(), os.umask(0)  # noqa: PTH109 - put back as it is
    os.umask(mask)
    torch = sys.modules.get("torch")
    threads = None if torch is None else torch.get_num_threads()
    try:
        with within(), warnings.catch_warnings():
            yield
    finally:
        os.chdir(folder)
        os.umask(mask)
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        os.environ.update(variables)
        random.seed()
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()
        if "torch" in sys.modules:
            _as_torch_begins(threads)


def _as_torch_begins(threads: int | None) -> None:
    import torch

    torch.seed()
    torch.use_deterministic_algorithms(False)
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    if threads is not None:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
