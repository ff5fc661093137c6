"""What campaigns cost: sums by hand, and the formulas of the time model."""

from typing import Any

import pytest

from labelcycle.components.analysis.cost import (
    PARTS,
    Spent,
    aligned_seconds,
    cycle_costs,
    proxy_seconds,
    standard_seconds,
    sum_by_part,
    used_by_part,
)
from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.runtime.timings import Timing, Used

PRICES = Prices(label=0.5, annotators_per_label=3, cpu_hour=3600, gpu_hour=36000)
"""A CPU second costs 1, a GPU second 10."""


def timing(stage: str, cpu: float, gpu: float = 0.0, **changes: Any) -> Timing:
    figures = {"started": 0.0, "wall_seconds": cpu / 2, "cpu_seconds": cpu, "gpu_seconds": gpu}
    return Timing(**{"stage": stage, "rows": None, "peak_memory_bytes": 1, **figures, **changes})


STAGES = [
    timing("label_ingest", 1),
    timing("embed", 2, target="base"),
    timing("embed", 4, target="texts"),
    timing("train_adapter", 8, gpu=1),
    timing("embed", 16, target="tuned"),
    timing("embed", 32, target="tuned", shard=1),
    timing("evaluate", 64),
    timing("score", 128),
    timing("select", 256),
    timing("publish", 512, failed=True),
]


@pytest.mark.parametrize(("full", "trained"), [(False, "head_training"), (True, "full_training")])
def test_seconds_by_part(full: bool, trained: str) -> None:
    found = used_by_part(STAGES, full)
    assert tuple(found) == PARTS
    seconds = {part: used.cpu_seconds for part, used in found.items() if used.cpu_seconds}
    wanted = {"precomputation": 6, trained: 8, "forward": 16 + 32 + 128, "selection": 256, "other": 1 + 64 + 512}
    assert seconds == wanted
    assert sum(found.values(), Used()) == Used(511.5, 1023.0, 1.0)


def test_costs_run_up_from_cycle_to_cycle() -> None:
    cycles = [
        Spent(0, 0, [timing("embed", 5, target="base")], full_training=False),
        Spent(1, 10, [timing("train_adapter", 2, gpu=0.5), timing("select", 1)], full_training=True),
        Spent(2, 20, [], full_training=True),
    ]
    found = cycle_costs(cycles, [PRICES] * len(cycles))
    assert [cost.label_cost for cost in found] == [0, 15, 30]
    assert [cost.compute_cost for cost in found] == [5, 13, 13]
    assert [cost.overall_cost for cost in found] == [5, 28, 43]
    assert [cost.total.cpu_seconds for cost in found] == [5, 3, 0]
    assert sum(sum_by_part(found).values(), Used()) == Used(4.0, 8.0, 0.5)


def test_the_time_model() -> None:
    """T_std = N (T_tr + T_f); T_svpp = N (T_tr + T_f) + T_pre; T_asvp adds T_pre + T_tr,full for each update."""
    assert standard_seconds(10, full_training=100, full_forward=20) == 1200
    assert proxy_seconds(10, proxy_training=3, proxy_forward=1, precomputation=20) == 60
    settings = {"proxy_training": 3, "proxy_forward": 1, "precomputation": 20, "full_training": 100}
    assert aligned_seconds(10, **settings, precomputations=1) == 60
    assert aligned_seconds(10, **settings, precomputations=3) == 60 + 2 * 120
