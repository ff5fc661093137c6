"""Heads while they are trained: linear, DropQuery's, and the proxy, with batch normalisation and quick dropout.

Each gives the head at inference with the same parameters. Batch normalisation takes a batch of a single sample. Dropout
draws its masks quickly on a CPU, each from a generator that the caller may choose.

What training in epochs starts from: classes as numbers, and the last cycle's head.
"""

from abc import abstractmethod
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Generic, TypeVar

import torch

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.class_changes import rows_now
from labelcycle.components.core.models.head import EPSILON, LinearHead, identity_head
from labelcycle.components.core.models.heads import Head, ProxyHead, read_head
from labelcycle.components.core.storage.objects import read_object

noise: ContextVar[torch.Generator | None] = ContextVar("noise", default=None)
"""The generator that dropout on a CPU draws from in this thread; None for torch's own."""

LEVELS = 1 << 16
"""Dropout compares 16 random bits an element: its rate is right to one part in 131,072."""


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


def keep_mask(inputs: torch.Tensor, rate: float) -> torch.Tensor:
    """Which elements dropout keeps: bool, of the shape of `inputs`.

    On a CPU four elements share one random number, which makes the mask some twenty times faster than torch's dropout.
    """
    if inputs.device.type != "cpu":
        return torch.rand(inputs.shape, device=inputs.device) >= rate
    count = inputs.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None, generator=noise.get())
    return (words.view(torch.int16)[:count] >= round(rate * LEVELS) - LEVELS // 2).view(inputs.shape)


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


def plain_head(linear: torch.nn.Linear) -> LinearHead:
    """The layer (d → C) as a head for inference, whose batch normalisation is the identity."""
    weight, bias = (tensor.detach().float().cpu().numpy().copy() for tensor in (linear.weight, linear.bias))
    return identity_head(weight, bias)


def linear_layer(head: LinearHead) -> torch.nn.Linear:
    """The head as one linear layer (d → C), its normalisation folded in; for any head, not plain ones alone."""
    factor, offset = head.normalisation()
    linear = torch.nn.Linear(head.weight.shape[1], head.weight.shape[0])
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(head.weight * factor))
        linear.bias.copy_(torch.from_numpy(head.bias + head.weight @ offset))
    return linear


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


def class_indices(labels: Sequence[str], classes: Sequence[str]) -> torch.Tensor:
    """Class names → int64 indices into the campaign's classes."""
    index = {name: number for number, name in enumerate(classes)}
    return torch.tensor([index[label] for label in labels], dtype=torch.int64)


def previous_feature_head(work: Attempt) -> Head | None:
    """The last cycle's head of whatever kind, where the schedule goes on from it and there is one.

    Where the classes have changed since, its last layer has rows for the present ones: see `rows_now`.
    """
    reference = work.decision.previous.get("head")
    if reference is None or not work.campaign.recipe.schedule.warm_start:
        return None
    head = read_head(read_object(work.store, reference))
    before = work.classes_before()
    if before == work.campaign.classes:
        return head
    weight, bias = (rows_now(values, before, work.campaign) for values in (head.weight, head.bias))
    return replace(head, weight=weight, bias=bias)


def previous_head(work: Attempt) -> LinearHead | None:
    """The same of a recipe whose trainer makes linear heads: any but the proxy."""
    head = previous_feature_head(work)
    assert head is None or isinstance(head, LinearHead)
    return head


def begin_head(width: int, classes: int, dropout: float, previous: LinearHead | None) -> HeadModule:
    """A head to train: with the parameters of `previous`, or fresh ones, which depend on torch's seed."""
    head = HeadModule(width, classes, dropout)
    if previous is not None:
        head.load(previous)
    return head
