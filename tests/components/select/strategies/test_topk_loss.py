"""The largest losses, and nothing else."""

import numpy as np

from labelcycle.components.select import Candidates, select_batch


def test_the_largest_losses_are_picked_in_order() -> None:
    ids = np.array(["a", "b", "c", "d"])
    losses = np.array([0.5, 3.0, 0.1, 2.0], np.float32)
    found = select_batch("topk_loss", Candidates(ids=ids, losses=losses), 2, seed=0)
    assert found.ids.tolist() == ["b", "d"] and found.reasons[0] == "loss 3.000"
