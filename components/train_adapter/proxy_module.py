"""The proxy: a small network on cached features that stands in for the fine-tuned model while samples are chosen."""

import torch

from labelcycle.components.core.proxy_head import ProxyHead
from labelcycle.components.train_adapter.batch_norm import BatchNorm
from labelcycle.components.train_adapter.tensors import arrays_of, take_over


class ProxyModule(torch.nn.Module):
    """Features (B, d) → logits (B, C): a linear layer of width h, batch normalisation, ReLU, a linear layer.

    Source: Wen et al., ASVP, section 6.1.
    """

    def __init__(self, width: int, classes: int, hidden: int) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(width, hidden)
        self.norm = BatchNorm(hidden)
        self.linear = torch.nn.Linear(hidden, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, float32, shape (B, C)."""
        logits: torch.Tensor = self.linear(torch.nn.functional.relu(self.norm(self.hidden(features))))
        return logits

    def load(self, head: ProxyHead) -> None:
        """Take over the parameters of an earlier cycle's proxy of the same width."""
        take_over(self._tensors(), vars(head))

    def export(self) -> ProxyHead:
        """The parameters for inference in numpy."""
        return ProxyHead(**arrays_of(self._tensors()))

    def _tensors(self) -> dict[str, torch.Tensor | None]:
        return {
            "hidden_weight": self.hidden.weight,
            "hidden_bias": self.hidden.bias,
            "running_mean": self.norm.running_mean,
            "running_var": self.norm.running_var,
            "scale": self.norm.weight,
            "shift": self.norm.bias,
            "weight": self.linear.weight,
            "bias": self.linear.bias,
        }
