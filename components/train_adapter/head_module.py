"""The classification head while it is trained: batch normalisation, dropout, linear layer."""

import torch

from labelcycle.components.core.head import EPSILON, LinearHead


class HeadModule(torch.nn.Module):
    """Features (B, d) → logits (B, C).

    Source: PEAL, section 4.1: a single linear layer after batch normalisation and dropout.
    """

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(width, eps=EPSILON)
        self.dropout = torch.nn.Dropout(dropout)
        self.linear = torch.nn.Linear(width, classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits, float32, shape (B, C). A single sample has no variance: it is normalised by the running values."""
        if self.training and len(features) == 1:
            norm = self.norm
            features = torch.nn.functional.batch_norm(
                features, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=False, eps=norm.eps
            )
        else:
            features = self.norm(features)
        logits: torch.Tensor = self.linear(self.dropout(features))
        return logits

    def load(self, head: LinearHead) -> None:
        """Take over the parameters of an earlier cycle's head."""
        with torch.no_grad():
            for target, values in (
                (self.norm.running_mean, head.running_mean),
                (self.norm.running_var, head.running_var),
                (self.norm.weight, head.scale),
                (self.norm.bias, head.shift),
                (self.linear.weight, head.weight),
                (self.linear.bias, head.bias),
            ):
                assert target is not None
                target.copy_(torch.from_numpy(values))

    def export(self) -> LinearHead:
        """The parameters for inference in numpy."""
        assert self.norm.running_mean is not None and self.norm.running_var is not None
        tensors = (
            self.norm.running_mean,
            self.norm.running_var,
            self.norm.weight,
            self.norm.bias,
            self.linear.weight,
            self.linear.bias,
        )
        return LinearHead(*(tensor.detach().cpu().numpy().copy() for tensor in tensors))
