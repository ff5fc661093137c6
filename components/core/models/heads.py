"""The kinds of classification heads at inference, in numpy alone, and how a stored one is read whatever its kind.

Every head gives `logits` and `probabilities` of features, and `to_bytes`. It can be seen as two parts as well:
`hidden_features`, which come before its last linear layer, and `last`, a `LinearHead` that takes them. In the head of
logistic regression a class without labelled samples has bias -inf, so its probability is exactly 0.

Source of the proxy: Wen et al., ASVP, section 6.1.
"""

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import blocks_of
from labelcycle.components.core.models.head import (
    ClassificationHead,
    LinearHead,
    NormalisedHead,
    identity_head,
    not_a_head,
    read_tensors,
)

Float = TypeVar("Float", bound=np.floating[Any])


@dataclass(frozen=True)
class LogisticHead(ClassificationHead):
    """z = (x - mean) / deviation, made unit length, then Linear(d, C).

    Attributes:
        mean: float32, shape (d,), of the pool.
        deviation: float32, shape (d,), standard deviation of the pool; a dimension of 0 counts for nothing.
        weight: float32, shape (C, d).
        bias: float32, shape (C,): 0, or -inf for a class without labelled samples.
    """

    mean: npt.NDArray[np.float32]
    deviation: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape that each tensor must have beside that of the weights."""
        classes, width = self.weight.shape
        return {"mean": (width,), "deviation": (width,), "weight": (classes, width), "bias": (classes,)}

    def hidden_features(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """What the last layer sees, z: (N, d) of any float type → float32 (N, d) of length 1 or 0."""
        return unit_standardised(features.astype(np.float32), self.mean, self.deviation)

    @property
    def last(self) -> LinearHead:
        """The last layer as a head on z, whose normalisation changes nothing."""
        return identity_head(self.weight, self.bias)

    def logits(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Class scores before the softmax: (N, d) of any float type → float32 (N, C); z is made block by block."""
        result = np.empty((len(features), len(self.weight)), np.float32)
        for rows in blocks_of(len(features)):
            np.matmul(self.hidden_features(features[rows]), self.weight.T, out=result[rows])
        result += self.bias
        return result


def unit_standardised(
    values: npt.NDArray[Float], mean: npt.NDArray[np.float32], deviation: npt.NDArray[np.float32]
) -> npt.NDArray[Float]:
    """(x - mean) / deviation with length 1, in place and in the type of the values: (N, d), (d,), (d,) → (N, d).

    A dimension of deviation 0 becomes 0, and so does a row that is the mean itself.
    """
    values = standardised(values, mean, deviation)
    length = np.sqrt(np.einsum("nd,nd->n", values, values))[:, None]
    np.divide(values, length, out=values, where=length > 0)
    return values


def standardised(
    values: npt.NDArray[Float], mean: npt.NDArray[np.float32], deviation: npt.NDArray[np.float32]
) -> npt.NDArray[Float]:
    """(x - mean) / deviation, in place and in the type of the values; 0 in a dimension of deviation 0."""
    values -= mean
    values *= np.divide(1, deviation, out=np.zeros(deviation.shape, values.dtype), where=deviation > 0)
    return values


@dataclass(frozen=True)
class ProxyHead(NormalisedHead):
    """Linear(d, h), BatchNorm1d(h), ReLU and Linear(h, C).

    Attributes:
        hidden_weight: float32, shape (h, d).
        hidden_bias: float32, shape (h,).
    """

    hidden_weight: npt.NDArray[np.float32]
    hidden_bias: npt.NDArray[np.float32]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape that each tensor must have beside the last layer's weights."""
        width = self.weight.shape[1]
        inputs = self.hidden_weight.shape[-1] if self.hidden_weight.ndim else 0
        return {**super().shapes(), "hidden_weight": (width, inputs), "hidden_bias": (width,)}

    def hidden_features(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """What the last layer sees: (N, d) of any float type → float32 (N, h), at least 0."""
        factor, _ = self.normalisation()
        hidden: npt.NDArray[np.float32] = features.astype(np.float32, copy=False) @ (self.hidden_weight.T * factor)
        hidden += (self.hidden_bias - self.running_mean) * factor + self.shift
        return np.maximum(hidden, 0, out=hidden)

    @property
    def last(self) -> LinearHead:
        """The last layer as a head on hidden features, whose normalisation changes nothing."""
        return identity_head(self.weight, self.bias)

    def logits(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Class scores before the softmax: (N, d) of any float type → float32 (N, C)."""
        result: npt.NDArray[np.float32] = self.hidden_features(features) @ self.weight.T
        result += self.bias
        return result


Head = LinearHead | ProxyHead | LogisticHead


def input_width(head: Head) -> int:
    """How many numbers the features of a head have."""
    weight = head.hidden_weight if isinstance(head, ProxyHead) else head.weight
    return int(weight.shape[1])


KINDS: tuple[type[LinearHead] | type[ProxyHead] | type[LogisticHead], ...] = (LinearHead, ProxyHead, LogisticHead)


def read_head(data: bytes) -> Head:
    """The head in a safetensors file made by a head's `to_bytes`; its tensors say which kind it is.

    Raises:
        CampaignError: the bytes are no such file, or its tensors do not fit each other.
    """
    tensors = read_tensors(data)
    for kind in KINDS:
        if tensors.keys() == {field.name for field in fields(kind)}:
            head = kind(**tensors)
            head.check()
            return head
    raise not_a_head(f"its tensors are {', '.join(sorted(tensors)) or 'none'}")
