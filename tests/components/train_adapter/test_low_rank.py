"""A linear layer with a low-rank addition, against peft's."""

import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model

from labelcycle.components.train_adapter.low_rank import LowRankLinear, keep_mask, noise


def pair(bias: bool = True) -> tuple[LowRankLinear, torch.nn.Module]:
    """A layer, and peft's with the same matrices."""
    torch.manual_seed(0)
    base = torch.nn.Linear(6, 9, bias=bias)
    config = LoraConfig(r=2, lora_alpha=6, lora_dropout=0.0, target_modules=["0"])
    theirs = get_peft_model(torch.nn.Sequential(copy.deepcopy(base)), config)
    ours = LowRankLinear(base, rank=2, alpha=6, dropout=0.0)
    layer = theirs.base_model.model[0]
    with torch.no_grad():
        ours.lora_B.normal_()
        layer.lora_A["default"].weight.copy_(ours.lora_A)
        layer.lora_B["default"].weight.copy_(ours.lora_B)
    return ours, layer


@pytest.mark.parametrize("bias", [True, False])
def test_outputs_and_gradients_are_pefts(bias: bool) -> None:
    ours, theirs = pair(bias)
    inputs = [torch.randn(4, 3, 6).requires_grad_() for _ in range(2)]
    with torch.no_grad():
        inputs[1].copy_(inputs[0])
    outputs = [layer(values) for layer, values in zip((ours, theirs), inputs, strict=True)]
    assert torch.allclose(*outputs, atol=1e-6)
    for output in outputs:
        (output**2).sum().backward()
    assert torch.allclose(inputs[0].grad, inputs[1].grad, atol=1e-4)  # type: ignore[arg-type]
    assert torch.allclose(ours.lora_A.grad, theirs.lora_A["default"].weight.grad, atol=1e-4)  # type: ignore[arg-type,index,union-attr]
    assert torch.allclose(ours.lora_B.grad, theirs.lora_B["default"].weight.grad, atol=1e-4)  # type: ignore[arg-type,index,union-attr]
    assert ours.base.weight.grad is None


def test_gradients_are_those_of_the_function_under_dropout() -> None:
    torch.manual_seed(0)
    layer = LowRankLinear(torch.nn.Linear(5, 4), rank=2, alpha=2, dropout=0.5).double()
    with torch.no_grad():
        layer.lora_B.normal_()
    kept = keep_mask(torch.empty(3, 5), 0.5)
    inputs = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: layer.rows(values, kept, slice(1, 4)), (inputs,))
    expected = inputs @ layer.base.weight.T + layer.base.bias
    expected = expected + (inputs * kept * 2) @ layer.lora_A.T @ layer.lora_B.T
    assert torch.allclose(layer.rows(inputs, kept, slice(None)), expected)


def test_dropout_is_for_training_alone() -> None:
    layer = LowRankLinear(torch.nn.Linear(64, 8), rank=2, alpha=2, dropout=0.5)
    with torch.no_grad():
        layer.lora_B.normal_()
    inputs = torch.randn(16, 64)
    assert not torch.equal(layer(inputs), layer(inputs))
    layer.eval()
    assert torch.equal(layer(inputs), layer(inputs))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_masks_keep_the_right_share_of_every_column(rate: float) -> None:
    token = noise.set(torch.Generator().manual_seed(0))
    kept = keep_mask(torch.empty(40_000, 7), rate)
    noise.reset(token)
    assert kept.dtype == torch.bool and kept.shape == (40_000, 7)
    assert torch.allclose(kept.double().mean(dim=0), torch.full((7,), 1 - rate, dtype=torch.float64), atol=0.01)


def test_bfloat16_products_leave_float32_matrices() -> None:
    layer = LowRankLinear(torch.nn.Linear(6, 9), rank=2, alpha=2, dropout=0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(torch.randn(4, 6))
    assert output.dtype == torch.bfloat16
    output.float().sum().backward()
    assert layer.lora_B.grad is not None and layer.lora_B.grad.dtype == torch.float32
