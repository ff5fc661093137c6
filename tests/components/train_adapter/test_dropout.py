"""Dropout: how much is dropped, and what becomes of the rest."""

import pytest
import torch

from labelcycle.components.train_adapter.head_modules import Dropout, keep_mask, noise


@pytest.mark.parametrize("rate", [0.25, 0.5, 0.75])
def test_the_share_is_dropped_and_the_rest_scaled(rate: float) -> None:
    torch.manual_seed(0)
    values = Dropout(rate).train()(torch.ones(100, 100))
    assert float((values == 0).double().mean()) == pytest.approx(rate, abs=0.02)
    assert torch.allclose(values[values != 0], torch.tensor(1 / (1 - rate)))


def test_gradients_reach_what_is_kept_alone() -> None:
    inputs = torch.ones(8, 8, requires_grad=True)
    values = Dropout(0.5).train()(inputs)
    values.sum().backward()
    assert inputs.grad is not None and torch.equal(inputs.grad, values.detach())


def test_evaluation_and_rate_0_change_nothing() -> None:
    inputs = torch.randn(8, 8)
    assert Dropout(0.5).eval()(inputs) is inputs and Dropout(0.0).train()(inputs) is inputs


def test_the_seed_decides() -> None:
    masks = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        masks.append(Dropout(0.5).train()(torch.ones(8, 8)))
    assert torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[2])


def test_the_generator_of_the_thread_decides() -> None:
    masks = []
    for seed in (1, 1, 2):
        token = noise.set(torch.Generator().manual_seed(seed))
        masks.append(keep_mask(torch.empty(8, 8), 0.5))
        noise.reset(token)
    assert torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[2])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_masks_keep_the_right_share_of_every_column(rate: float) -> None:
    token = noise.set(torch.Generator().manual_seed(0))
    kept = keep_mask(torch.empty(40_000, 7), rate)
    noise.reset(token)
    assert kept.dtype == torch.bool and kept.shape == (40_000, 7)
    assert torch.allclose(kept.double().mean(dim=0), torch.full((7,), 1 - rate, dtype=torch.float64), atol=0.01)
