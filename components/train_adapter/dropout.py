"""Dropout with masks that cost little on a CPU, where torch's own take most of a small head's training time."""

import torch

from labelcycle.components.train_adapter.low_rank import keep_mask


class Dropout(torch.nn.Module):
    """In training each value is dropped at the rate `p`, and what is kept is scaled by 1 / (1 - p).

    Source: Srivastava et al., JMLR 2014, in its inverted form.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The same shape; in evaluation the inputs themselves."""
        if not self.training or self.p == 0:
            return inputs
        return inputs * keep_mask(inputs, self.p) * (1 / (1 - self.p))
