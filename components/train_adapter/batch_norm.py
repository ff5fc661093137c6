"""Batch normalisation that a batch of a single sample does not upset."""

import torch

from labelcycle.components.core.head import EPSILON


class BatchNorm(torch.nn.BatchNorm1d):
    """(B, d) → (B, d). A single sample has no variance: it is normalised by the running values."""

    def __init__(self, width: int, affine: bool = True) -> None:
        super().__init__(width, eps=EPSILON, affine=affine)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Features with the mean and variance of the batch taken out, in evaluation those of training."""
        if self.training and len(input) == 1:
            return torch.nn.functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(input)
