"""DropQuery's head: the linear layer learns from features of which most are dropped, as its queries ask it to."""

import torch

from labelcycle.components.core.head import LinearHead
from labelcycle.components.train_adapter.batch_norm import BatchNorm
from labelcycle.components.train_adapter.dropout import Dropout
from labelcycle.components.train_adapter.trained_head import Tensors, TrainedHead, last_tensors


class DropQueryModule(TrainedHead[LinearHead]):
    """Features (B, d) → logits (B, C): dropout, batch normalisation without parameters, a linear layer.

    Normalisation is that of features with dropout, in training as in evaluation. The head at inference is a
    `LinearHead` of scale 1 and shift 0; `place: features` of the scorer's dropout is where this head had it.

    Source: Gupte et al., 2024, the authors' code.
    """

    kind = LinearHead

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.norm = BatchNorm(width, affine=False)
        self.linear = torch.nn.Linear(width, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, float32, shape (B, C)."""
        logits: torch.Tensor = self.linear(self.norm(self.dropout(features)))
        return logits

    def tensors(self) -> Tensors:
        """The parameters and statistics; scale and shift, which this head has not, are 1 and 0."""
        scale, shift = torch.ones(self.norm.num_features), torch.zeros(self.norm.num_features)
        return {"scale": scale, "shift": shift, **last_tensors(self.norm, self.linear)}
