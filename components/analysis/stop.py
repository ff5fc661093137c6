"""When a campaign should end before its budget is spent: its model is good enough, gets no better, or too dearly so.

What is looked at is the accuracy or the macro F1, as the recipe says. The last two rules look at the best of it so far,
which single bad cycles leave alone. None counts the price of computing: its seconds differ from run to run, and a cycle
that is run again has to come to the same end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from labelcycle.components.analysis.intervals import ROUNDING
from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.config.recipe import Stop, StopMetric


@dataclass(frozen=True)
class CurvePoint:
    """A trained cycle: the answers paid for so far, and the test accuracy, or what a stop rule looks at instead."""

    answers: int
    accuracy: float


METRICS: dict[StopMetric, str] = {"accuracy": "accuracy", "macro_f1": "macro F1"}
"""What the metrics are called."""


def reason_to_stop(points: Sequence[CurvePoint], stop: Stop, prices: Prices) -> str | None:
    """Why to ask for no more labels, in words; None to go on.

    Args:
        points: every trained cycle so far, in order, the newest last, with the metric that the settings name.
        stop: the recipe's settings. Of a plateau with `plateau_gain` 0 nothing may have been gained at all.
        prices: the campaign's.
    """
    return _reached(points, stop) or _plateau(points, stop) or _not_worth_it(points, stop, prices)


def _reached(points: Sequence[CurvePoint], stop: Stop) -> str | None:
    if stop.target is None or not points or points[-1].accuracy < stop.target - ROUNDING:
        return None
    return f"the {METRICS[stop.metric]} is {points[-1].accuracy:.4f}, and {stop.target:g} is wanted (stop.target)"


def _plateau(points: Sequence[CurvePoint], stop: Stop) -> str | None:
    cycles = stop.plateau_cycles
    if cycles is None or len(points) <= cycles:
        return None
    gain = _gain(points, cycles)
    if gain > ROUNDING and gain >= stop.plateau_gain - ROUNDING:
        return None
    return (
        f"a plateau: the best {METRICS[stop.metric]} rose by {_in_points(gain)} in the last {_cycles(cycles)}, which "
        f"had to bring {_in_points(stop.plateau_gain) if stop.plateau_gain else 'something'} (stop.plateau_gain)"
    )


def _not_worth_it(points: Sequence[CurvePoint], stop: Stop, prices: Prices) -> str | None:
    cycles = stop.worth_cycles
    if stop.worth_of_a_point is None or len(points) <= cycles:
        return None
    gain = _gain(points, cycles)
    worth = 100 * gain * stop.worth_of_a_point
    cost = prices.of_labels(points[-1].answers - points[-1 - cycles].answers)
    if worth >= cost - ROUNDING:
        return None
    return (
        f"labels cost more than they bring: those of the last {_cycles(cycles)} cost {cost:,.2f} and raised the best "
        f"{METRICS[stop.metric]} by {_in_points(gain)}, worth {worth:,.2f} (stop.worth_of_a_point)"
    )


def _gain(points: Sequence[CurvePoint], cycles: int) -> float:
    """By how much the best accuracy rose in the last so many cycles, 0 or more."""
    best = max(point.accuracy for point in points)
    return best - max(point.accuracy for point in points[:-cycles])


def _in_points(share: float) -> str:
    return f"{100 * share:.2f} points"


def _cycles(number: int) -> str:
    return f"{number} cycles" if number > 1 else "cycle"
