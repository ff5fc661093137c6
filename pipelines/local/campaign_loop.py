"""The loop around cycles: run until the budget is spent, a target is met, labels are awaited, or enough was done."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from labelcycle.components.analysis.intervals import wilson_interval
from labelcycle.components.core.campaign.amendments import read_amended_campaign
from labelcycle.components.core.campaign.pool_ids import ids_of_split
from labelcycle.components.core.campaign.state import State, read_state
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.notification.occasions import tell_of_target, told_of_failures
from labelcycle.pipelines.local.engine import record_what_is_missing, run_cycle
from labelcycle.pipelines.local.kfp_engine import run_cycle_in_kfp
from labelcycle.pipelines.local.outcome import CycleRun
from labelcycle.pipelines.local.recorder import Recorder
from labelcycle.pipelines.local.worker import Worker

Engine = Literal["local", "kfp"]
End = Literal["done", "target", "waiting", "cycles"]


@dataclass(frozen=True)
class LoopEnd:
    """Why the loop ended, in one word and in words, where the campaign stands, and whether MLflow was told of it."""

    end: End
    reason: str
    state: State = field(repr=False)
    recorded: bool = False


def run_campaign(
    root: str,
    labels_from: str = "",
    until_accuracy: float | None = None,
    cycles: int | None = None,
    on_cycle: Callable[[CycleRun], None] = lambda run: None,
    engine: Engine = "local",
) -> LoopEnd:
    """Run cycle after cycle.

    Args:
        root: the campaign's folder or S3 prefix.
        labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own.
        until_accuracy: stop once a committed cycle's test accuracy is at least this.
        cycles: stop after this many trained cycles of this call.
        on_cycle: called after each committed cycle.
        engine: runs the stages: `local` in a process that stays, `kfp` as kfp.local runs the pipeline.

    Raises:
        ConfigurationError: there is an accuracy to reach, but no test set to measure it.
    """
    tested = 0 if until_accuracy is None else _test_samples(root)
    last: CycleRun | None = None

    def run(title: str) -> CycleRun:
        nonlocal last
        if engine == "local":
            done = run_cycle(root, labels_from, title=title, worker=worker, recorder=recorder)
        else:
            done = run_cycle_in_kfp(root, labels_from, title=title)
        if done.decision not in ("wait", "done"):
            last = done
            on_cycle(done)
        return done

    with told_of_failures(root), Worker() as worker, Recorder(root) as recorder:
        end = _cycle_after_cycle(root, run, until_accuracy, cycles, tested)
        recorded = last is not None and "record" in last.facts
        if not recorded and recorder.begun and end.state.commits:
            record_what_is_missing(worker, recorder, end.state.commits[-1])
            recorded = True
    if end.end == "target":
        tell_of_target(root, end.reason)
    return replace(end, recorded=recorded)


def _cycle_after_cycle(
    root: str, run: Callable[[str], CycleRun], until_accuracy: float | None, cycles: int | None, tested: int
) -> LoopEnd:
    """Run cycles, given a function that runs one of this title, until there is a reason to end."""
    trained = 0
    while True:
        state = read_state(open_store(root))
        if until_accuracy is not None and (reached := _reached(state, until_accuracy, tested)):
            return LoopEnd("target", reached, state)
        if state.phase == "done":
            missed = "" if until_accuracy is None else f"; the target accuracy of {until_accuracy} was not reached"
            return LoopEnd("done", state.why_done + missed, state)
        if cycles is not None and trained >= cycles:
            many = f"{trained} {'cycle' if trained == 1 else 'cycles'}"
            return LoopEnd("cycles", f"after {many}, as requested", state)
        done = run(f"cycle {len(state.commits)}")
        if done.decision == "wait":
            return LoopEnd("waiting", str(done.facts["label_ingest"]["reason"]), state)
        trained += done.decision == "train"  # where it is "done" another run has committed the last cycle meanwhile


def _test_samples(root: str) -> int:
    """How many samples there are to test with.

    Raises:
        ConfigurationError: none, so that nothing will measure the accuracy.
    """
    store = open_store(root)
    if count := len(ids_of_split(store, read_amended_campaign(store).campaign, "test")):
        return count
    raise ConfigurationError(
        f"There is no test set at {root}, so nothing measures whether --until-accuracy is reached. Leave it out, or "
        "begin a campaign with --test FILE or --test-from-budget N."
    )


FEW = 25
"""By so many test samples an accuracy of 90 % is known to 12 points either way, by fewer worse."""


def _reached(state: State, target: float, all_tested: int) -> str:
    """How the last trained cycle has reached the accuracy, in words; empty where it has not.

    Where few test samples have a label yet, and more will get one, the lower end of the interval must have reached it.

    Args:
        state: the campaign's.
        target: the accuracy.
        all_tested: samples to test with, whether they have a label yet or not.
    """
    last = state.trained[-1] if state.trained else None
    if last is None or last.accuracy is None or last.accuracy < target:
        return ""
    words = f"accuracy {last.accuracy:.4f} has reached the target of {target}"
    tested = all_tested if last.test_samples is None else last.test_samples
    if tested >= FEW:
        return words
    low, _ = wilson_interval(round(last.accuracy * tested), tested)
    if low < target and tested < all_tested:
        return ""
    return words + (f", but by {tested} test samples alone: it may be as low as {low:.4f}" if low < target else "")
