"""The head of logistic regression at inference: standardised features of unit length, and a linear layer, in numpy.

A class that has no labelled sample has bias -inf, so its probability is exactly 0.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.blocks import blocks_of
from labelcycle.components.core.head import ClassificationHead, LinearHead, identity_head

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
