"""What was measured of each cycle, as a table."""

from typing import TYPE_CHECKING

from labelcycle.components.core.campaign.estimate import AccuracyEstimate
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.dashboard.view import costs_so_far

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    "cycle",
    "labels",
    "answers",
    "accuracy",
    "macro_f1",
    "ece",
    "test_samples",
    "estimate",
    "estimate_low",
    "estimate_high",
    "query_size",
    "known",
    "unknown",
    "label_cost",
    "compute_cost",
    "overall_cost",
    "final",
]


def metrics_frame(store: Store, state: State) -> "pd.DataFrame":
    """See `Campaign.metrics`."""
    import pandas as pd

    costs = {cost.cycle: cost for cost in costs_so_far(store, state)}
    rows = []
    for summary in [*state.trained, *([state.final] if state.final else [])]:
        row = {name: getattr(summary, name) for name in COLUMNS if hasattr(summary, name)}
        estimate = summary.estimate if isinstance(summary.estimate, AccuracyEstimate) else None
        row["estimate"] = estimate and estimate.accuracy
        row["estimate_low"] = estimate and estimate.low
        row["estimate_high"] = estimate and estimate.high
        for name in ("label_cost", "compute_cost", "overall_cost"):
            row[name] = getattr(costs[summary.cycle], name)
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)
