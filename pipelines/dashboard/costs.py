"""What the committed cycles have cost, and what the last labels brought."""

from dataclasses import dataclass

from labelcycle.components.core.at_once import at_once
from labelcycle.components.core.state import State
from labelcycle.components.core.storage import Store
from labelcycle.components.core.timings import read_timings
from labelcycle.components.evaluate.cost import CycleCost, Spent, cycle_costs


@dataclass(frozen=True)
class MarginalGain:
    """What the labels of the last trained cycle brought over the cycle before.

    Attributes:
        labels: how many answers were paid for in between.
        accuracy: by how much the test accuracy rose; negative where it fell.
        cost: what these labels cost; computing is not in it.
    """

    labels: int
    accuracy: float
    cost: float

    @property
    def per_label(self) -> float:
        """Accuracy gained by a label."""
        return self.accuracy / self.labels

    @property
    def cost_of_a_point(self) -> float | None:
        """The price of a hundredth of accuracy; None where none was gained."""
        return self.cost / (100 * self.accuracy) if self.accuracy > 0 else None


def costs_so_far(store: Store, state: State) -> list[CycleCost]:
    """The running cost after each committed cycle.

    Cost: nothing where computing is free. Else a listing for each cycle, and a small read for each run of a stage,
    several cycles at once.
    """
    prices = state.campaign.prices
    priced = prices.cpu_hour > 0 or prices.gpu_hour > 0
    cycles = [summary.cycle for summary in state.summaries]
    timings = at_once(lambda cycle: read_timings(store, cycle) if priced else [], cycles)
    spent = [
        Spent(summary.cycle, summary.answers, found, False)
        for summary, found in zip(state.summaries, timings, strict=True)
    ]
    return cycle_costs(spent, prices)


def marginal_gain(state: State) -> MarginalGain | None:
    """What the labels of the last trained cycle brought; None before there are two, or where none were added."""
    if len(state.trained) < 2:
        return None
    before, last = state.trained[-2:]
    labels = last.answers - before.answers
    if labels <= 0 or last.accuracy is None or before.accuracy is None:
        return None
    return MarginalGain(labels, last.accuracy - before.accuracy, state.campaign.prices.of_labels(labels))
