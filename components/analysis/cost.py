"""What a campaign costs: labels and computing, its seconds by what they were spent on, and a model of these seconds.

Source: ASVP, sections 6.1 (overall cost) and 6.4 (computing time).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, get_args

from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.campaign.price_history import price_history
from labelcycle.components.core.runtime.timings import Timing, Used

Part = Literal["precomputation", "head_training", "full_training", "forward", "selection", "other"]
"""What computing is for.

`precomputation` makes the features of the backbone as it comes; `head_training` trains on features and `full_training`
on images; `forward` recomputes features with what was trained, and asks the model about the pool; `selection` chooses;
`other` is reading labels, evaluating and publishing.
"""

PARTS: tuple[Part, ...] = get_args(Part)

PART_OF_STAGE: dict[str, Part] = {"score": "forward", "select": "selection"}


@dataclass(frozen=True)
class RunningCost:
    """What a campaign has cost up to and including a cycle.

    Attributes:
        cycle: the cycle, from 0.
        answers: paid for so far; skipped and unsure ones are among them.
        label_cost: of all answers so far.
        compute_cost: of all seconds so far.
    """

    cycle: int
    answers: int
    label_cost: float
    compute_cost: float

    @property
    def overall_cost(self) -> float:
        """Labels and computing so far: N1 · price · annotators + C_train."""
        return self.label_cost + self.compute_cost


@dataclass(frozen=True)
class CycleCost(RunningCost):
    """What a campaign has cost up to and including a cycle, and what the seconds of that cycle were for.

    Attributes:
        used: seconds of this cycle alone, by part; parts without any are there too.
    """

    used: dict[Part, Used]

    @property
    def total(self) -> Used:
        """Seconds of this cycle, all parts together."""
        return sum(self.used.values(), Used())


@dataclass(frozen=True)
class Spent:
    """A cycle's answers so far, the records of its stages, and whether it trained on images rather than features."""

    cycle: int
    answers: int
    timings: list[Timing]
    full_training: bool


def used_by_part(timings: Iterable[Timing], full_training: bool) -> dict[Part, Used]:
    """Add up the seconds of one cycle's stages, in the order of `PARTS`.

    Args:
        timings: records of the cycle's stages; repeated and failed runs count, for they were paid for.
        full_training: whether the cycle trained on images.
    """
    used: dict[Part, Used] = {part: Used() for part in PARTS}
    for timing in timings:
        part = _part(timing, full_training)
        used[part] = used[part] + timing.used
    return used


def cycle_costs(cycles: Iterable[Spent], prices: Sequence[Prices]) -> list[CycleCost]:
    """The running cost of a campaign.

    Args:
        cycles: all of them in order, from 0.
        prices: of labels and computing, those that were in force for each cycle.
    """
    spent = list(cycles)
    used = [used_by_part(one.timings, one.full_training) for one in spent]
    totals = [sum(parts.values(), Used()) for parts in used]
    running = running_costs([one.cycle for one in spent], [one.answers for one in spent], totals, prices)
    return [
        CycleCost(cost.cycle, cost.answers, cost.label_cost, cost.compute_cost, parts)
        for cost, parts in zip(running, used, strict=True)
    ]


def running_costs(
    cycles: Sequence[int], answers: Sequence[int], used: Sequence[Used], prices: Sequence[Prices]
) -> list[RunningCost]:
    """The running cost of a campaign, without what its seconds were for.

    Args:
        cycles: all of them in order, from 0.
        answers: paid for up to and including each.
        used: seconds of each, all its stages together.
        prices: of labels and computing, those that were in force for each.
    """
    if not cycles:
        return []
    of_each = zip(used, prices, strict=True)
    computing = accumulate(price.of_computing(one.cpu_seconds, one.gpu_seconds) for one, price in of_each)
    history = price_history(prices[:-1], answers[:-1], prices[-1])
    return [
        RunningCost(cycle, paid, history.of_labels(paid), spent)
        for cycle, paid, spent in zip(cycles, answers, computing, strict=True)
    ]


def sum_by_part(costs: Iterable[CycleCost]) -> Mapping[Part, Used]:
    """Seconds of all cycles together, by part."""
    together: dict[Part, Used] = {part: Used() for part in PARTS}
    for cost in costs:
        for part, used in cost.used.items():
            together[part] = together[part] + used
    return together


def standard_seconds(cycles: int, full_training: float, full_forward: float) -> float:
    """T_std: every cycle trains the whole model and passes the pool through it.

    Args:
        cycles: N_al.
        full_training: T_tr,full, seconds of one fine-tuning.
        full_forward: T_f,full, seconds of one pass over the pool's images.
    """
    return cycles * (full_training + full_forward)


def proxy_seconds(cycles: int, proxy_training: float, proxy_forward: float, precomputation: float) -> float:
    """T_svpp: features are made once, and every cycle trains and asks a small model on them.

    Args:
        cycles: N_al.
        proxy_training: T_tr,proxy.
        proxy_forward: T_f,proxy, seconds of one pass over the pool's features.
        precomputation: T_pre, seconds to make the features of the pool.
    """
    return cycles * (proxy_training + proxy_forward) + precomputation


def aligned_seconds(
    cycles: int,
    proxy_training: float,
    proxy_forward: float,
    precomputation: float,
    full_training: float,
    precomputations: int,
) -> float:
    """T_asvp: as T_svpp, and each time after the first that features are made, a whole model is trained for them.

    Args:
        cycles: N_al.
        proxy_training: T_tr,proxy.
        proxy_forward: T_f,proxy.
        precomputation: T_pre.
        full_training: T_tr,full.
        precomputations: N_pre, 1 or more: how often features were made.
    """
    updates = (precomputations - 1) * (precomputation + full_training)
    return proxy_seconds(cycles, proxy_training, proxy_forward, precomputation) + updates


def _part(timing: Timing, full_training: bool) -> Part:
    if timing.stage == "embed":
        return "forward" if timing.target == "tuned" else "precomputation"
    if timing.stage == "train_adapter":
        return "full_training" if full_training else "head_training"
    return PART_OF_STAGE.get(timing.stage, "other")
