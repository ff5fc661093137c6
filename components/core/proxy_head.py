"""The proxy at inference: a hidden layer with batch normalisation and ReLU, and a linear layer, in numpy alone.

Source: Wen et al., ASVP, section 6.1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.head import LinearHead, NormalisedHead, identity_head


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
