"""When a campaign should end before its budget is spent: its accuracy stands still, or gains less than labels cost.

Both rules look at the best accuracy so far, which single bad cycles leave alone. Neither counts the price of computing:
its seconds differ from run to run, and a cycle that is run again has to come to the same end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from labelcycle.components.analysis.savings import ROUNDING
from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.config.recipe import Stop


@dataclass(frozen=True)
class CurvePoint:
    """A trained cycle: the answers paid for so far, and the test accuracy."""

    answers: int
    accuracy: float


def reason_to_stop(points: Sequence[CurvePoint], stop: Stop, prices: Prices) -> str | None:
    """Why to ask for no more labels, in words; None to go on.

    Args:
        points: every trained cycle so far, in order, the newest last.
        stop: the recipe's settings. Of a plateau with `plateau_gain` 0 nothing may have been gained at all.
        prices: the campaign's.
    """
    return _plateau(points, stop) or _not_worth_it(points, stop, prices)


def _plateau(points: Sequence[CurvePoint], stop: Stop) -> str | None:
    cycles = stop.plateau_cycles
    if cycles is None or len(points) <= cycles:
        return None
    gain = _gain(points, cycles)
    if gain > ROUNDING and gain >= stop.plateau_gain - ROUNDING:
        return None
    return (
        f"a plateau: the best accuracy rose by {_in_points(gain)} in the last {_cycles(cycles)}, which had to bring "
        f"{_in_points(stop.plateau_gain) if stop.plateau_gain else 'something'} (stop.plateau_gain)"
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
        f"accuracy by {_in_points(gain)}, worth {worth:,.2f} (stop.worth_of_a_point)"
    )


def _gain(points: Sequence[CurvePoint], cycles: int) -> float:
    """By how much the best accuracy rose in the last so many cycles, 0 or more."""
    best = max(point.accuracy for point in points)
    return best - max(point.accuracy for point in points[:-cycles])


def _in_points(share: float) -> str:
    return f"{100 * share:.2f} points"


def _cycles(number: int) -> str:
    return f"{number} cycles" if number > 1 else "cycle"
