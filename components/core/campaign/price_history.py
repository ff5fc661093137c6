"""What labels cost where prices were amended: answers are paid at the prices of the cycle that they came in with."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.campaign.state import State


class LabelPrices(Protocol):
    """Whatever says what labels cost: `Prices`, or their history."""

    def of_labels(self, answers: float) -> float:
        """The price of the first so many answers."""
        ...


@dataclass(frozen=True)
class Period:
    """Prices, and how many answers were paid for before they were in force."""

    prices: Prices
    answers: int


@dataclass(frozen=True)
class PriceHistory:
    """Prices in the order in which they were in force; the last ones are those of answers to come."""

    periods: list[Period]

    def of_labels(self, answers: float) -> float:
        """The price of the first so many answers of the campaign."""
        ends = [*(period.answers for period in self.periods[1:]), max(answers, self.periods[-1].answers)]
        return sum(
            (
                period.prices.of_labels(min(answers, end) - period.answers)
                for period, end in zip(self.periods, ends, strict=True)
                if answers > period.answers
            ),
            start=0.0,
        )

    @property
    def computing_costs(self) -> bool:
        """Whether computing had a price at any time."""
        return any(period.prices.computing_costs for period in self.periods)


def prices_by_cycle(state: State) -> list[Prices]:
    """The prices that were in force for each committed cycle."""
    return [state.campaign_of(commit).prices for commit in state.commits]


def price_history(prices: Sequence[Prices], answers: Sequence[int], now: Prices) -> PriceHistory:
    """The history of prices. Where answers were taken back, those that are left are the first ones.

    Args:
        prices: of each cycle so far.
        answers: paid for up to and including each.
        now: those in force for the cycle that comes.
    """
    all_prices = [*prices, now]
    periods = [Period(all_prices[0], 0)]
    for (old, new), paid in zip(pairwise(all_prices), answers, strict=True):
        if new != old:
            periods = [*(period for period in periods if period.answers < paid), Period(new, paid)]
    return PriceHistory(periods)


def price_history_before(state: State, cycle: int, now: Prices) -> PriceHistory:
    """The history of prices at a cycle.

    Args:
        state: the campaign's.
        cycle: the cycle; those before it are committed.
        now: its prices.
    """
    answers = [summary.answers for summary in state.summaries[:cycle]]
    return price_history(prices_by_cycle(state)[:cycle], answers, now)
