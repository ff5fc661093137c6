"""How close centroids are to each other, against torch."""

import numpy as np
import pytest
import torch

from labelcycle.components.core.features import blocks as block_stream
from labelcycle.components.select.centroid_repulsion import repulsion_of, repulsion_of_frozen
from labelcycle.components.select.points import unit_length


def unit(count: int, width: int = 5, seed: int = 0) -> np.ndarray:
    return unit_length(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


@pytest.mark.parametrize("itself", [True, False])
@pytest.mark.parametrize("frozen_count", [0, 90])
def test_crowding_and_its_gradient_are_those_of_torch(
    itself: bool, frozen_count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_stream, "BLOCK_ROWS", 64)
    free, still, temperature = unit(70), unit(frozen_count, seed=1), 0.3
    weights = np.random.default_rng(2).random(70 + frozen_count)
    crowd = repulsion_of(free, still, repulsion_of_frozen(still, temperature), temperature, itself)
    moving = torch.from_numpy(free).double().requires_grad_()
    everything = torch.cat([moving, torch.from_numpy(still).double()])
    pairs = everything @ everything.T / temperature
    if not itself:
        own = torch.eye(len(pairs), dtype=torch.bool)
        own[70:] = False
        pairs = pairs.masked_fill(own, -torch.inf)
    logarithms = torch.logsumexp(pairs, dim=1)
    np.testing.assert_allclose(crowd.logarithms, logarithms.detach(), atol=1e-5)
    (gradient,) = torch.autograd.grad((torch.from_numpy(weights) * logarithms).sum(), moving)
    np.testing.assert_allclose(crowd.gradient(weights), gradient, atol=1e-4)
