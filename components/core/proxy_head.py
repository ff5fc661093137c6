"""The proxy at inference: a hidden layer with batch normalisation and ReLU, and a linear layer, in numpy alone.

Source: Wen et al., ASVP, section 6.1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as save_tensors

from labelcycle.components.core.head import EPSILON, LinearHead, identity_head, softmax


@dataclass(frozen=True)
class ProxyHead:
    """Parameters of Linear(d, h), BatchNorm1d(h), ReLU and Linear(h, C), under torch's names.

    Attributes:
        hidden_weight: float32, shape (h, d).
        hidden_bias: float32, shape (h,).
        running_mean, running_var, scale, shift: float32, shape (h,).
        weight: float32, shape (C, h).
        bias: float32, shape (C,).
    """

    hidden_weight: npt.NDArray[np.float32]
    hidden_bias: npt.NDArray[np.float32]
    running_mean: npt.NDArray[np.float32]
    running_var: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def hidden_features(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """What the last layer sees: (N, d) of any float type → float32 (N, h), at least 0."""
        factor = self.scale / np.sqrt(self.running_var + EPSILON)
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

    def probabilities(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Softmax of the logits: float32, shape (N, C), rows sum to 1."""
        return softmax(self.logits(features))

    def to_bytes(self) -> bytes:
        """The head as safetensors."""
        return save_tensors({name: np.ascontiguousarray(value) for name, value in vars(self).items()})
