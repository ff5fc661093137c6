"""What it costs to reach an accuracy, by hand."""

import pytest

from labelcycle.components.analysis.overall_cost import ANNOTATIONS, cost_to_reach
from labelcycle.components.analysis.savings import Curve
from labelcycle.components.core.campaign.campaign import Prices

PRICES = Prices(label=0.1, annotators_per_label=ANNOTATIONS, cpu_hour=36.0)
CURVE, SECONDS = Curve([10, 20, 40], [0.5, 0.7, 0.9]), [100.0, 200.0, 600.0]


@pytest.mark.parametrize(
    ("accuracy", "labels", "seconds", "sign"),
    [(0.7, 20, 200, ""), (0.8, 30, 400, ""), (0.95, 40, 600, "≥"), (0.4, 10, 100, "≤")],
)
def test_labels_annotated_three_times_and_computing_until_then(
    accuracy: float, labels: float, seconds: float, sign: str
) -> None:
    found = cost_to_reach(accuracy, CURVE, SECONDS, PRICES)
    assert (found.labels, found.sign) == (pytest.approx(labels), sign)
    assert found.overall_cost == pytest.approx(labels * 0.1 * 3 + seconds * 0.01)


def test_a_flat_part_costs_its_fewest_labels() -> None:
    found = cost_to_reach(0.7, Curve([10, 20, 30], [0.5, 0.7, 0.7]), [1.0, 2.0, 3.0], PRICES)
    assert found.labels == 20
