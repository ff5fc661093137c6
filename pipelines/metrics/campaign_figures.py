"""The figures of a campaign at one moment, from its commits and the timings of its last cycles."""

from collections.abc import Iterable
from dataclasses import dataclass

from labelcycle.components.analysis.cost import RunningCost
from labelcycle.components.core.campaign.cycle_metrics import last_metrics
from labelcycle.components.core.campaign.label_quality import RecheckFigures
from labelcycle.components.core.campaign.state import Phase, State, read_state
from labelcycle.components.core.campaign.summary import CycleSummary
from labelcycle.components.core.runtime.timings import Timing, read_timings
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.dashboard.view import costs_so_far


@dataclass(frozen=True)
class LastRun:
    """What the last run of a stage took; of one that was divided, the last run of each part, together.

    Attributes:
        stage: its name, with the target of `embed`: `embed_base`.
        wall_seconds: of the part that took longest.
        cpu_seconds, gpu_seconds: of all parts.
        peak_memory_bytes: of the part that took most.
        rows, bytes_read, bytes_written: of all parts; None where none was counted.
    """

    stage: str
    wall_seconds: float
    cpu_seconds: float
    gpu_seconds: float
    peak_memory_bytes: int
    rows: int | None
    bytes_read: int | None
    bytes_written: int | None


@dataclass(frozen=True)
class Figures:
    """Where a campaign stands, and what its stages took.

    Attributes:
        campaign: its identifier.
        phase: what comes next.
        cycle: the last committed cycle; None before the first.
        labels, answers, outstanding: see `CycleSummary`.
        awaited: samples of the last query, while they have to be answered.
        budget: labels that may be asked for.
        label_cost, compute_cost: what was spent, in the currency of the campaign's prices.
        rechecks: what came of asking again for labels; None where that was not done.
        accuracy: of the last model on the test set; None before there is one.
        committed: when the last cycle was, in seconds since 1970; None where no record says.
        failures: runs of stages that failed in the cycle that is not committed yet.
        runs: the last run of each stage.
    """

    campaign: str
    phase: Phase
    cycle: int | None
    labels: int
    answers: int
    outstanding: int
    awaited: int
    budget: int
    label_cost: float
    compute_cost: float
    rechecks: RecheckFigures | None
    accuracy: float | None
    committed: float | None
    failures: int
    runs: list[LastRun]


def read_figures(store: Store) -> Figures:
    """Read the figures of the campaign in a store.

    Raises:
        CampaignError: no campaign there, or it is damaged.
        TransientError: the store does not answer.

    Cost: the commits and their summaries, the last metrics, and two listings of a cycle with a small read for each run
    of a stage. Where computing has a price, one read more.
    """
    state = read_state(store)
    count = len(state.commits)
    before = read_timings(store, count - 1) if count else []
    now = read_timings(store, count)
    last = state.summaries[-1] if state.summaries else None
    cost, metrics = _last_cost(store, state), last_metrics(store, state.commits)
    return Figures(
        campaign=state.campaign.identifier,
        phase=state.phase,
        cycle=last.cycle if last else None,
        labels=last.labels if last else 0,
        answers=last.answers if last else 0,
        outstanding=last.outstanding if last else 0,
        awaited=last.query_size if last and state.phase == "labelling" else 0,
        budget=state.campaign.budget,
        label_cost=cost.label_cost if cost else 0.0,
        compute_cost=cost.compute_cost if cost else 0.0,
        rechecks=metrics.rechecks if metrics else None,
        accuracy=_last_accuracy(state.summaries),
        committed=_commit_time(before),
        failures=sum(timing.failed for timing in now),
        runs=last_runs([*before, *now]),
    )


def last_runs(timings: Iterable[Timing]) -> list[LastRun]:
    """The last run of each stage, in order of their names; failed runs count for nothing.

    Args:
        timings: records of one or more cycles, a later cycle after an earlier one.
    """
    steps: dict[str, dict[int, Timing]] = {}
    for timing in timings:
        if not timing.failed:
            steps.setdefault(timing.step, {})[timing.shard] = timing
    return [_together(step, list(parts.values())) for step, parts in sorted(steps.items())]


def _together(step: str, parts: list[Timing]) -> LastRun:
    return LastRun(
        stage=step,
        wall_seconds=max(part.wall_seconds for part in parts),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        gpu_seconds=sum(part.gpu_seconds for part in parts),
        peak_memory_bytes=max(part.peak_memory_bytes for part in parts),
        rows=_sum(part.rows for part in parts),
        bytes_read=_sum(part.bytes_read for part in parts),
        bytes_written=_sum(part.bytes_written for part in parts),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _last_cost(store: Store, state: State) -> RunningCost | None:
    costs = costs_so_far(store, state)
    return costs[-1] if costs else None


def _last_accuracy(summaries: list[CycleSummary]) -> float | None:
    measured = [summary.accuracy for summary in summaries if summary.accuracy is not None]
    return measured[-1] if measured else None


def _commit_time(timings: Iterable[Timing]) -> float | None:
    """When a cycle was committed: at the end of its first `publish`, for whoever publishes later finds it committed."""
    ends = [
        timing.started + timing.wall_seconds for timing in timings if timing.stage == "publish" and not timing.failed
    ]
    return min(ends, default=None)
