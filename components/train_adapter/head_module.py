"""The classification head while it is trained: batch normalisation, dropout, linear layer."""

import torch

from labelcycle.components.core.head import LinearHead
from labelcycle.components.train_adapter.batch_norm import BatchNorm
from labelcycle.components.train_adapter.dropout import Dropout
from labelcycle.components.train_adapter.tensors import arrays_of, take_over


class HeadModule(torch.nn.Module):
    """Features (B, d) → logits (B, C).

    Source: PEAL, section 4.1: a single linear layer after batch normalisation and dropout.
    """

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.norm = BatchNorm(width)
        self.dropout = Dropout(dropout)
        self.linear = torch.nn.Linear(width, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, float32, shape (B, C)."""
        logits: torch.Tensor = self.linear(self.dropout(self.norm(features)))
        return logits

    def load(self, head: LinearHead) -> None:
        """Take over the parameters of an earlier cycle's head."""
        take_over(self._tensors(), vars(head))

    def export(self) -> LinearHead:
        """The parameters for inference in numpy."""
        return LinearHead(**arrays_of(self._tensors()))

    def _tensors(self) -> dict[str, torch.Tensor | None]:
        return {
            "running_mean": self.norm.running_mean,
            "running_var": self.norm.running_var,
            "scale": self.norm.weight,
            "shift": self.norm.bias,
            "weight": self.linear.weight,
            "bias": self.linear.bias,
        }
