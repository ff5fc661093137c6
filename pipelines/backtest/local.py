"""Run a backtest on this machine: the arms in a few processes that stay, then the report, with a bar over all cycles.

A process for each arm, as the compiled pipeline has it, would spend most of a small backtest on starting them.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from labelcycle.components.core.config.environment import environment
from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.runtime.observation import EVENTS, notice
from labelcycle.components.core.runtime.retries import with_retries
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.backtest import arm, report
from labelcycle.pipelines.backtest.arm import PROGRESS
from labelcycle.pipelines.backtest.backtest_plan import BacktestPlan, write_plan
from labelcycle.pipelines.backtest.leaderboard import Leaderboard
from labelcycle.pipelines.backtest.report import gather
from labelcycle.pipelines.local.outcome import LOG_TAIL
from labelcycle.pipelines.local.watch import Watcher


class ArmsWatcher(Watcher):
    """Counts the cycles of all arms together, because two or more arms run at once."""

    def __init__(self, path: Path, arms: int, cycles: int) -> None:
        super().__init__(path, "backtest")
        self._arms, self._cycles = arms, cycles
        self._done: dict[str, int] = {}
        self._ended = 0

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == PROGRESS:
            self._done[event["arm"]] = event["done"]
            self._ended += event["ended"]
            if event["ended"]:
                self._report(event)
            self._show(f"{self._ended} of {self._arms} arms", sum(self._done.values()), self._arms * self._cycles)
        elif event["event"] not in ("started", "progress"):
            super()._take(event)

    def _report(self, event: dict[str, Any]) -> None:
        if event["error"]:
            text = f"failed: {event['error']}"
        else:
            text = f"accuracy {event['accuracy']:.4f} with {event['labels']} labels"
        self._console.print(f"{event['title']}: {text}", markup=False, highlight=False)


AT_ONCE = 2
"""How many arms run side by side."""


def run_backtest(root: str, plan: BacktestPlan, mlflow_root: str) -> Leaderboard:
    """Run a backtest. Arms that have ended without an error are not run again.

    Args:
        root: the backtest's folder or S3 prefix, which holds the plan's history.
        plan: what to run.
        mlflow_root: the root whose MLflow records the results, unless the environment names another; empty for none.

    Raises:
        TransientError: an arm died without a word; those that ended are kept.
    """
    store = open_store(root)
    arms = [each.name for each in plan.arms()]
    ended = {each.name: outcome for each in plan.arms() if (outcome := arm.read_outcome(store, each)) is not None}
    missing = [name for name in arms if name not in ended or ended[name].error]
    if len(missing) < len(arms):
        notice(f"{len(arms) - len(missing)} of {len(arms)} arms have ended already and are not run again.")
    name = write_plan(store, plan)
    with tempfile.TemporaryDirectory(prefix="labelcycle-") as folder:
        events, log = Path(folder) / "events.jsonl", Path(folder) / "log.txt"
        with (
            environment({EVENTS: str(events), **_threads()}),
            ArmsWatcher(events, len(missing), plan.cycles),
            log.open("a") as sink,
        ):
            run_arms(root, name, missing, log)
            with redirect_stdout(sink), redirect_stderr(sink):
                with_retries(report.run)(root=root, plan=name, mlflow_root=mlflow_root)
    return gather(store, plan)


def run_arms(
    root: str, plan: str, arms: Sequence[str], log: Path, run: Callable[[str, str, str], None] | None = None
) -> None:
    """Run arms in processes; the first error ends those that have not begun.

    Args:
        root: the folder of the backtest.
        plan: its name.
        arms: the names of those to run.
        log: what the processes print.
        run: what a process runs for one of them, `run_arm` unless given; it has to be found by its name.

    Raises:
        TransientError: a process was killed.
    """
    if not arms:
        return
    pool = ProcessPoolExecutor(
        min(AT_ONCE, len(arms)), multiprocessing.get_context("spawn"), initializer=_write_to, initargs=(str(log),)
    )
    try:
        for ended in as_completed([pool.submit(run or run_arm, root, plan, name) for name in arms]):
            ended.result()
    except BrokenProcessPool as error:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL:])
        raise TransientError(
            f"An arm died without reporting an error (killed, or out of memory?). Its last output:\n{tail}\n"
            "Arms that have ended are kept. Run the same command again."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _write_to(log: str) -> None:
    """Let all output of this process, that of libraries written in C too, go to a file."""
    with Path(log).open("a") as sink:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(sink.fileno(), stream.fileno())


def run_arm(root: str, plan: str, name: str) -> None:
    """Run one arm, again after failures that may pass."""
    with_retries(arm.run)(root=root, plan=plan, arm=name)


def _threads() -> dict[str, str]:
    """Share the cores between the arms that run at once, unless the user has shared them."""
    if "OMP_NUM_THREADS" in os.environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // AT_ONCE))}
