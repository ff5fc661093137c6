"""Between a head that is trained and the same head at inference: their parameters, by name."""

from abc import abstractmethod
from typing import Generic, TypeVar

import torch

from labelcycle.components.core.head import LinearHead
from labelcycle.components.core.proxy_head import ProxyHead
from labelcycle.components.train_adapter.batch_norm import BatchNorm

Kind = TypeVar("Kind", LinearHead, ProxyHead)
Tensors = dict[str, torch.Tensor]


class TrainedHead(torch.nn.Module, Generic[Kind]):
    """A head whose parameters are those of a `kind` at inference, all of them or some."""

    kind: type[Kind]

    @abstractmethod
    def tensors(self) -> Tensors:
        """The module's own tensors by the names of the head's arrays."""

    @torch.no_grad()
    def load(self, head: Kind) -> None:
        """Take over the parameters of an earlier cycle's head of the same shape."""
        for name, tensor in self.tensors().items():
            tensor.copy_(torch.from_numpy(getattr(head, name)))

    def export(self) -> Kind:
        """The parameters for inference in numpy, copied."""
        return self.kind(**{name: tensor.detach().cpu().numpy().copy() for name, tensor in self.tensors().items()})


def last_tensors(norm: BatchNorm, linear: torch.nn.Linear) -> Tensors:
    """Those of the batch normalisation and the linear layer that every head ends with."""
    tensors = {
        "running_mean": norm.running_mean,
        "running_var": norm.running_var,
        "scale": norm.weight,
        "shift": norm.bias,
        "weight": linear.weight,
        "bias": linear.bias,
    }
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}
