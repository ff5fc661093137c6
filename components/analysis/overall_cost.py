"""What an accuracy costs: the labels that it takes, each annotated several times, and computing until then.

Source: ASVP, sections 6.2 (N₁·P + C) and 6.3: every method is priced at the accuracy that random labels reach in their
last cycle, with three annotations a label.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelcycle.components.analysis.savings import Curve, labels_needed, rising
from labelcycle.components.core.campaign.campaign import Prices
from labelcycle.components.core.campaign.cycle_metrics import Sign

ANNOTATIONS = 3
"""Annotations a label in the paper; prices say how many are paid for here."""


@dataclass(frozen=True)
class OverallCost:
    """What an accuracy costs.

    Attributes:
        labels: N₁, interpolated between cycles.
        label_cost: of all annotations of so many labels.
        compute_cost: of the seconds until then, interpolated alike.
        sign: how to read the three: `≥` where the accuracy was never reached, so that they are those of the whole
            curve, `≤` where it was there from the first point on.
    """

    labels: float
    label_cost: float
    compute_cost: float
    sign: Sign = ""

    @property
    def overall_cost(self) -> float:
        """Labels and computing."""
        return self.label_cost + self.compute_cost


def cost_to_reach(accuracy: float, curve: Curve, cpu_seconds: Sequence[float], prices: Prices) -> OverallCost:
    """The overall cost of the fewest labels with which a method reaches an accuracy.

    Args:
        accuracy: to be reached, such as the random arm's last one.
        curve: of the method; made monotone by isotonic regression, as for savings.
        cpu_seconds: of cores until each point of the curve, rising.
        prices: of an annotation, with the annotations a label, and of computing.
    """
    labels = np.asarray(curve.labels, float)
    fewest, _, sign = labels_needed(labels, rising(curve), accuracy)
    seconds = float(np.interp(fewest, labels, np.asarray(cpu_seconds, float)))
    return OverallCost(fewest, prices.of_labels(fewest), prices.of_computing(seconds), sign)
