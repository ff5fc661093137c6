"""Batches to accuracy (B2A): how many training batches it took until the test accuracy was reached.

Source: VeCAF, section 4.2, efficiency analysis, and figure 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_record


@dataclass(frozen=True)
class BatchPoint:
    """What was measured after so many batches of all loops so far, by name; `accuracy` is always there."""

    batches: int
    figures: Mapping[str, float]


@dataclass(frozen=True)
class BatchCurve:
    """The points of one campaign, by batches.

    Attributes:
        name: what people call the campaign.
        strategy: the selector's.
        loops, selected, total_batches: loops, samples chosen in each, and batches of all.
        points: in order.
    """

    name: str
    strategy: str
    loops: int
    selected: int
    total_batches: int
    points: list[BatchPoint]

    def batches_to(self, accuracy: float, figure: str = "accuracy") -> int | None:
        """The batches at the first point that reached it; None where none did.

        It is an upper bound: the accuracy may have been there since the point before.
        """
        return next((point.batches for point in self.points if point.figures.get(figure, 0.0) >= accuracy), None)

    def as_facts(self, accuracies: Sequence[float], figure: str = "accuracy") -> dict[str, object]:
        """The curve and the batches to each accuracy, as plain values."""
        return {
            "name": self.name,
            "strategy": self.strategy,
            "loops": self.loops,
            "selected_per_loop": self.selected,
            "total_batches": self.total_batches,
            "figure": figure,
            "points": [{"batches": point.batches, **point.figures} for point in self.points],
            "batches_to_accuracy": {f"{accuracy:g}": self.batches_to(accuracy, figure) for accuracy in accuracies},
        }


def read_batch_curve(root: str) -> BatchCurve:
    """The points of the campaign's committed loops.

    Raises:
        CampaignError: no campaign there.
        ConfigurationError: its recipe selects no training data.
    """
    store = open_store(root)
    state = read_state(store)
    campaign = state.campaign
    settings = campaign.recipe.data_selection
    if settings is None:
        raise ConfigurationError(
            f"The campaign at {store.root} collects labels, and does not count batches. See it with: labelcycle status."
        )
    points: list[BatchPoint] = []
    for commit in state.commits:
        if "metrics" not in commit.objects:
            continue
        metrics = read_record(store, commit.objects["metrics"], CycleMetrics)
        points += [BatchPoint(found.batches, dict(found.figures())) for found in metrics.batch_points or ()]
    strategy = campaign.recipe.selector.strategy
    return BatchCurve(campaign.identifier, strategy, settings.loops, campaign.batch, settings.total_batches, points)
