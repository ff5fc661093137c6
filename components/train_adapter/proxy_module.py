"""The proxy: a small network on cached features that stands in for the fine-tuned model while samples are chosen."""

import torch

from labelcycle.components.core.proxy_head import ProxyHead
from labelcycle.components.train_adapter.batch_norm import BatchNorm
from labelcycle.components.train_adapter.trained_head import Tensors, TrainedHead, last_tensors


class ProxyModule(TrainedHead[ProxyHead]):
    """Features (B, d) → logits (B, C): a linear layer of width h, batch normalisation, ReLU, a linear layer.

    Source: Wen et al., ASVP, section 6.1.
    """

    kind = ProxyHead

    def __init__(self, width: int, classes: int, hidden: int) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(width, hidden)
        self.norm = BatchNorm(hidden)
        self.linear = torch.nn.Linear(hidden, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, float32, shape (B, C)."""
        logits: torch.Tensor = self.linear(torch.nn.functional.relu(self.norm(self.hidden(features))))
        return logits

    def tensors(self) -> Tensors:
        """The parameters and statistics, by the names of the head's arrays."""
        hidden = {"hidden_weight": self.hidden.weight, "hidden_bias": self.hidden.bias}
        return {**hidden, **last_tensors(self.norm, self.linear)}
