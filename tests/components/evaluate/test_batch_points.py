"""The figures of a point within a loop."""

import numpy as np

from labelcycle.components.core.config.selection_loops import DataSelection
from labelcycle.components.evaluate.batch_points import point_metrics


def test_the_target_is_measured_on_its_own() -> None:
    always_rest = np.tile(np.array([[0.1, 0.9]]), (10, 1))
    truth = np.array([0] + [1] * 9)
    settings = DataSelection(objective="one_vs_rest", target="cat")
    assert point_metrics(always_rest, truth, settings) == {
        "accuracy": 0.9,
        "target_accuracy": 0.0,
        "balanced_accuracy": 0.5,
    }
    assert point_metrics(always_rest, truth, DataSelection()) == {"accuracy": 0.9}
