"""A frozen linear layer with a trained low-rank addition (LoRA), computed without the detours of composed modules."""

import math
from contextvars import ContextVar
from typing import Any

import torch
from torch.autograd.function import once_differentiable

noise: ContextVar[torch.Generator | None] = ContextVar("noise", default=None)
"""The generator that dropout on a CPU draws from in this thread; None for torch's own."""

LEVELS = 1 << 16
"""Dropout compares 16 random bits an element: its rate is right to one part in 131,072."""


class LowRankLinear(torch.nn.Module):
    """x W^T + b + alpha / rank · dropout(x) A^T B^T, of which A and B are trained.

    Attributes:
        lora_A: float32 (rank, in), begun like the weights of a linear layer.
        lora_B: float32 (out, rank), begun at zero, so that the layer begins as `base`.

    Source: Hu et al., ICLR 2022, section 4.1.
    Cost: beside the base layer's product rank · (in + out) operations a row; one mask of an eighth of the input's size.
    """

    def __init__(self, base: torch.nn.Linear, rank: int, alpha: int, dropout: float) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        place = base.weight.device
        self.lora_A = torch.nn.Parameter(torch.empty(rank, base.in_features, device=place))
        self.lora_B = torch.nn.Parameter(torch.zeros(base.out_features, rank, device=place))
        torch.nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        self.factor = alpha / rank
        self.rate = dropout

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """(…, in) → (…, out), in the precision of autocast where that is on."""
        kept = keep_mask(inputs, self.rate) if self.training and self.rate else None
        return self.rows(inputs, kept, slice(None))

    def rows(self, inputs: torch.Tensor, kept: torch.Tensor | None, outputs: slice) -> torch.Tensor:
        """Some of the outputs: (…, in) → (…, rows), with dropout where `kept` (…, in) is False."""
        weight, bias = self.base.weight[outputs], None if self.base.bias is None else self.base.bias[outputs]
        low, high = self.lora_A, self.lora_B[outputs]
        kind = inputs.device.type
        precision = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else inputs.dtype
        scale = self.factor / (1 - self.rate if kept is not None else 1.0)
        result: torch.Tensor = _AddLowRank.apply(inputs.to(precision), weight, bias, low, high, kept, scale)  # type: ignore[no-untyped-call]
        return result


class _AddLowRank(torch.autograd.Function):
    """One product for the frozen layer, into which the low-rank product is added in place; no step is kept twice."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        low: torch.Tensor,
        high: torch.Tensor,
        kept: torch.Tensor | None,
        scale: float,
    ) -> torch.Tensor:
        kind = inputs.dtype
        with torch.autocast(inputs.device.type, enabled=False):
            rows = inputs.reshape(-1, inputs.shape[-1])
            result = torch.nn.functional.linear(rows, weight.to(kind), None if bias is None else bias.to(kind))
            seen = rows if kept is None else rows * kept.view(rows.shape)
            narrow = seen @ low.to(kind).T
            result.addmm_(narrow, high.to(kind).T, alpha=scale)
        ctx.save_for_backward(rows, weight, low, high, kept, narrow)
        ctx.scale, ctx.shape = scale, inputs.shape
        return result.view(*inputs.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, weight, low, high, kept, narrow = ctx.saved_tensors
        kind, scale = rows.dtype, ctx.scale
        with torch.autocast(rows.device.type, enabled=False):
            above = gradient.reshape(-1, gradient.shape[-1])
            through = above @ high.to(kind)
            mask = None if kept is None else kept.view(rows.shape)
            gradient_high = (above.T @ narrow).to(high.dtype) * scale
            gradient_low = (through.T @ (rows if mask is None else rows * mask)).to(low.dtype) * scale
            below = None
            if ctx.needs_input_grad[0]:
                below = above @ weight.to(kind)
                if mask is None:
                    below.addmm_(through, low.to(kind), alpha=scale)
                else:
                    below.addcmul_(through @ low.to(kind), mask.to(kind), value=scale)
                below = below.view(ctx.shape)
        return below, None, None, gradient_low, gradient_high, None, None


def keep_mask(inputs: torch.Tensor, rate: float) -> torch.Tensor:
    """Which elements dropout keeps: bool, of the shape of `inputs`.

    On a CPU four elements share one random number, which makes the mask some twenty times faster than torch's dropout.
    """
    if inputs.device.type != "cpu":
        return torch.rand(inputs.shape, device=inputs.device) >= rate
    count = inputs.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None, generator=noise.get())
    return (words.view(torch.int16)[:count] >= round(rate * LEVELS) - LEVELS // 2).view(inputs.shape)
