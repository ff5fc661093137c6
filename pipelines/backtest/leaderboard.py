"""All arms side by side: curves, savings, costs, and who would have saved the most."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from labelcycle.components.analysis.savings import IN_WORDS, cycles_until
from labelcycle.pipelines.backtest.arm import Outcome
from labelcycle.pipelines.backtest.backtest_plan import RANDOM, BacktestPlan, ComparedStrategy, Measured
from labelcycle.pipelines.backtest.curves import Band, Saved, band, saved

SEES_LABELS = "†"
"""Marks a strategy that was given what nobody knows before paying for labels."""
LEAST_SAVING = 0.005
"""Below it a saving is shown as 0 %."""

Runs = dict[int, list[Measured]]
"""The cycles of one strategy, by seed."""


@dataclass(frozen=True)
class Cost:
    """What it takes to reach the random arm's last accuracy.

    Attributes:
        labels: price of the labels, all annotators' together.
        seconds: processor seconds of training and choosing until then, mean over seeds.
        computing: price of these seconds.
        total: labels and computing.
    """

    labels: float
    seconds: float
    computing: float
    total: float


@dataclass(frozen=True)
class LeaderboardEntry:
    """One strategy.

    Attributes:
        title: strategy and parameters.
        sees_labels: it was given the losses of unlabelled samples, which nobody has before paying for their labels.
        seeds: how many seeds ended without an error.
        accuracy: curve over the plan's labels.
        macro_f1: the same.
        saved: against the random arm; None where the two have no finished seed in common.
        cost: as above, None likewise.
        training_seconds: processor seconds of a whole arm, mean over seeds.
        selection_seconds: the same.
    """

    title: str
    sees_labels: bool
    seeds: int
    accuracy: Band
    macro_f1: Band
    saved: Saved | None
    cost: Cost | None
    training_seconds: float
    selection_seconds: float


@dataclass(frozen=True)
class Failure:
    """An arm without results, and why."""

    arm: str
    error: str


@dataclass(frozen=True)
class Leaderboard:
    """The strategies, best first, those arms that failed, and the answer in a sentence."""

    plan: BacktestPlan
    entries: list[LeaderboardEntry]
    failures: list[Failure]

    @property
    def verdict(self) -> str:
        """Which strategy would have saved the most labels."""
        return _verdict(self)

    def as_facts(self) -> dict[str, object]:
        """Plain values for machines."""
        plan = self.plan
        return {
            "verdict": self.verdict,
            "source": plan.source,
            "classes": plan.classes,
            "labels": plan.labels,
            "seeds": plan.seeds,
            "prices": plan.prices.model_dump(mode="json"),
            "plan": plan.model_dump(mode="json"),
            "contenders": [asdict(entry) for entry in self.entries],
            "failures": [asdict(failure) for failure in self.failures],
        }


def leaderboard(plan: BacktestPlan, outcomes: Mapping[str, Outcome]) -> Leaderboard:
    """Gather the arms.

    Strategies are ranked by their mean saving; with equal savings, and where there is none, by their mean accuracy.

    Args:
        plan: the backtest's.
        outcomes: what became of each arm, by its name; an arm that is not there counts as failed.
    """
    runs: dict[str, Runs] = {compared.chooser.title: {} for compared in plan.compared}
    failures = []
    for arm in plan.arms():
        outcome = outcomes.get(arm.name)
        if outcome is None or outcome.error:
            failures.append(Failure(arm.title, outcome.error if outcome else "it did not end. Run again."))
        else:
            runs[arm.compared.chooser.title][arm.seed] = outcome.cycles
    found = [
        _entry_of(plan, compared, runs[compared.chooser.title], runs[RANDOM.title])
        for compared in plan.compared
        if runs[compared.chooser.title]
    ]
    return Leaderboard(plan, sorted(found, key=_rank), failures)


def _rank(entry: LeaderboardEntry) -> tuple[float, float, str]:
    ratio = float("-inf") if entry.saved is None else entry.saved.ratio
    return -ratio, -float(np.mean(entry.accuracy.mean)), entry.title


def _entry_of(plan: BacktestPlan, compared: ComparedStrategy, runs: Runs, random: Runs) -> LeaderboardEntry:
    common = sorted(runs.keys() & random.keys())
    saving = None
    if common:
        yardstick = next(other for other in plan.compared if other.chooser == RANDOM)
        begins_alike = compared.cold_start == yardstick.cold_start
        saving = saved(
            plan.labels,
            [[cycle.accuracy for cycle in runs[seed]] for seed in common],
            [[cycle.accuracy for cycle in random[seed]] for seed in common],
            first=1 if begins_alike else 0,
        )
    everyone = list(runs.values())
    return LeaderboardEntry(
        title=compared.chooser.title,
        sees_labels=compared.sees_labels,
        seeds=len(runs),
        accuracy=band([[cycle.accuracy for cycle in cycles] for cycles in everyone]),
        macro_f1=band([[cycle.macro_f1 for cycle in cycles] for cycles in everyone]),
        saved=saving,
        cost=None if saving is None else _cost(plan, saving.labels_needed, everyone),
        training_seconds=_mean_total(everyone, "training_seconds"),
        selection_seconds=_mean_total(everyone, "selection_seconds"),
    )


def percent(share: float) -> str:
    """A share in whole percent: -0.123 → `-12%`."""
    return f"{round(100 * share)}%"


def _mean_total(runs: list[list[Measured]], name: str) -> float:
    return float(np.mean([sum(getattr(cycle, name) for cycle in cycles) for cycles in runs]))


def _cost(plan: BacktestPlan, labels_needed: float, runs: list[list[Measured]]) -> Cost:
    """Labels up to the number needed, and the cycles up to the first that has as many."""
    until = cycles_until(plan.labels, labels_needed)
    first = [cycles[:until] for cycles in runs]
    seconds = _mean_total(first, "training_seconds") + _mean_total(first, "selection_seconds")
    labels = plan.prices.of_labels(round(labels_needed))
    computing = plan.prices.of_computing(seconds)
    return Cost(labels, seconds, computing, labels + computing)


def _verdict(leaderboard: Leaderboard) -> str:
    """Strategies that see labels are out of the running: nobody could have used them."""
    usable = [entry for entry in leaderboard.entries if entry.saved is not None and not entry.sees_labels]
    if not usable:
        return "Nothing can be said: the random arm, the yardstick, has no results."
    best = usable[0]
    assert best.saved is not None
    if best.title == RANDOM.title or best.saved.ratio < LEAST_SAVING:
        return "No strategy would have saved labels: none does better than random on average over the cycles."
    found, plan = best.saved, leaderboard.plan
    share = f"{IN_WORDS[found.sign]}{percent(found.ratio)}"
    text = f"{best.title} would have saved the most: {share} of the labels on average over the cycles"
    yardstick = next(entry.saved for entry in usable if entry.title == RANDOM.title)
    if yardstick is not None and found.labels_sign != "≥" and found.labels_needed < yardstick.labels_needed:
        needed = f"{IN_WORDS[found.labels_sign]}{found.labels_needed:.0f}"
        text += f". With {needed} labels it is as accurate as random with {yardstick.labels_needed:.0f}"
    if plan.seeds == 1:
        return f"{text}. One seed proves little: give --seeds 5."
    if found.lowest <= 0:
        return f"{text}. Seeds disagree ({percent(found.lowest)} to {percent(found.highest)}): take it as a hint."
    return f"{text}. Every seed agrees ({percent(found.lowest)} to {percent(found.highest)})."
