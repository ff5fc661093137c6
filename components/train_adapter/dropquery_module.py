"""DropQuery's head: the linear layer learns from features of which most are dropped, as its queries ask it to."""

import numpy as np
import torch

from labelcycle.components.core.head import LinearHead
from labelcycle.components.train_adapter.batch_norm import BatchNorm
from labelcycle.components.train_adapter.dropout import Dropout
from labelcycle.components.train_adapter.tensors import arrays_of, take_over


class DropQueryModule(torch.nn.Module):
    """Features (B, d) → logits (B, C): dropout, batch normalisation without parameters, a linear layer.

    Normalisation is that of features with dropout, in training as in evaluation. The head at inference is a
    `LinearHead` of scale 1 and shift 0; `place: features` of the scorer's dropout is where this head had it.

    Source: Gupte et al., 2024, the authors' code.
    """

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.norm = BatchNorm(width, affine=False)
        self.linear = torch.nn.Linear(width, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, float32, shape (B, C)."""
        logits: torch.Tensor = self.linear(self.norm(self.dropout(features)))
        return logits

    def load(self, head: LinearHead) -> None:
        """Take over the parameters of an earlier cycle's head, whose scale is 1 and whose shift is 0."""
        take_over(self._tensors(), vars(head))

    def export(self) -> LinearHead:
        """The parameters for inference in numpy."""
        width = self.linear.in_features
        return LinearHead(**arrays_of(self._tensors()), scale=np.ones(width, "f4"), shift=np.zeros(width, "f4"))

    def _tensors(self) -> dict[str, torch.Tensor | None]:
        return {
            "running_mean": self.norm.running_mean,
            "running_var": self.norm.running_var,
            "weight": self.linear.weight,
            "bias": self.linear.bias,
        }
