"""How close centroids are to each other, against torch."""

import numpy as np
import pytest
import torch

from labelcycle.components.core.features.blocks import BLOCK_ROWS
from labelcycle.components.select.centroid_repulsion import repulsion_of, repulsion_of_frozen
from labelcycle.components.select.points import unit_length


def unit(count: int, width: int = 5, seed: int = 0) -> np.ndarray:
    return unit_length(np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32))


@pytest.mark.parametrize("itself", [True, False])
@pytest.mark.parametrize(
    ("free_count", "frozen_count"), [(70, 0), (70, BLOCK_ROWS + 50), (BLOCK_ROWS + 50, 0), (BLOCK_ROWS + 50, 90)]
)
def test_repulsion_and_its_gradient_are_those_of_torch(itself: bool, free_count: int, frozen_count: int) -> None:
    free, still, temperature = unit(free_count), unit(frozen_count, seed=1), 0.3
    weights = np.random.default_rng(2).random(free_count + frozen_count)
    found = repulsion_of(free, still, repulsion_of_frozen(still, temperature), temperature, itself)
    moving = torch.from_numpy(free).double().requires_grad_()
    everything = torch.cat([moving, torch.from_numpy(still).double()])
    pairs = everything @ everything.T / temperature
    if not itself:
        own = torch.eye(len(pairs), dtype=torch.bool)
        own[free_count:] = False
        pairs = pairs.masked_fill(own, -torch.inf)
    logarithms = torch.logsumexp(pairs, dim=1)
    np.testing.assert_allclose(found.logarithms, logarithms.detach(), atol=1e-5)
    (gradient,) = torch.autograd.grad((torch.from_numpy(weights) * logarithms).sum(), moving)
    np.testing.assert_allclose(found.gradient(weights), gradient, atol=1e-4)
