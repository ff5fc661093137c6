"""The classification head while it is trained: batch normalisation, dropout, linear layer."""

import torch

from labelcycle.components.core.head import LinearHead
from labelcycle.components.train_adapter.batch_norm import BatchNorm
from labelcycle.components.train_adapter.dropout import Dropout
from labelcycle.components.train_adapter.trained_head import Tensors, TrainedHead, last_tensors


class HeadModule(TrainedHead[LinearHead]):
    """Features (B, d) → logits (B, C).

    Source: PEAL, section 4.1: a single linear layer after batch normalisation and dropout.
    """

    kind = LinearHead

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.norm = BatchNorm(width)
        self.dropout = Dropout(dropout)
        self.linear = torch.nn.Linear(width, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, float32, shape (B, C)."""
        logits: torch.Tensor = self.linear(self.dropout(self.norm(features)))
        return logits

    def tensors(self) -> Tensors:
        """The parameters and statistics, by the names of the head's arrays."""
        return last_tensors(self.norm, self.linear)
