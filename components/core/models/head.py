"""The classification head at inference: batch normalisation and a linear layer, in numpy alone.

Stages that only read a head (score, evaluate) need neither torch nor the network that made the features.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from labelcycle.components.core.errors import CampaignError

EPSILON = 1e-5
"""Added to the running variance, as torch's BatchNorm1d does."""


class ClassificationHead(ABC):
    """What every head does. Its tensors are the fields of a frozen dataclass: `weight` (C, w), `bias` (C,), others."""

    @abstractmethod
    def logits(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Class scores before the softmax: (N, d) of any float type → float32 (N, C)."""

    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape that each tensor must have, where `weight` has two dimensions."""

    def probabilities(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Softmax of the logits: float32, shape (N, C), rows sum to 1."""
        return softmax(self.logits(features))

    def check(self) -> None:
        """Refuse tensors that do not fit each other.

        Raises:
            CampaignError: one has another shape, another type than float32, or no values.
        """
        for name, tensor in vars(self).items():
            if tensor.dtype != np.float32 or not tensor.size:
                raise not_a_head(f"{name} has shape {tensor.shape} of {tensor.dtype}")
        if vars(self)["weight"].ndim != 2:
            raise not_a_head(f"weight has shape {vars(self)['weight'].shape}")
        for name, shape in self.shapes().items():
            if vars(self)[name].shape != shape:
                raise not_a_head(f"{name} has shape {vars(self)[name].shape} instead of {shape}")

    def to_bytes(self) -> bytes:
        """The head as safetensors."""
        return save_tensors({name: np.ascontiguousarray(value) for name, value in vars(self).items()})


@dataclass(frozen=True)
class NormalisedHead(ClassificationHead):
    """What every head that is trained in epochs ends with: BatchNorm1d(w) and Linear(w, C), named as in torch.

    Attributes:
        running_mean, running_var, scale, shift: float32, shape (w,).
        weight: float32, shape (C, w).
        bias: float32, shape (C,).
    """

    running_mean: npt.NDArray[np.float32]
    running_var: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]
    shift: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def normalisation(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Batch normalisation as `values * factor + offset`: two float32 arrays of shape (w,)."""
        factor = self.scale / np.sqrt(self.running_var + EPSILON)
        return factor, self.shift - self.running_mean * factor

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape that each tensor must have beside the last layer's weights."""
        classes, width = self.weight.shape
        vectors = dict.fromkeys(("running_mean", "running_var", "scale", "shift"), (width,))
        return {**vectors, "weight": (classes, width), "bias": (classes,)}


@dataclass(frozen=True)
class LinearHead(NormalisedHead):
    """BatchNorm1d(d) followed by Linear(d, C)."""

    def logits(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Class scores before the softmax.

        Args:
            features: (N, d), any float type.

        Returns:
            float32, shape (N, C). One matrix product: normalisation is folded into the weights.
        """
        factor, offset = self.normalisation()
        result: npt.NDArray[np.float32] = features.astype(np.float32, copy=False) @ (self.weight * factor).T
        result += self.bias + self.weight @ offset
        return result

    def hidden_features(self, features: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """What the last layer sees: the features as they are, since the head has no layer before."""
        return features

    @property
    def last(self) -> "LinearHead":
        """The head itself, which is one layer."""
        return self

    @classmethod
    def from_bytes(cls, data: bytes) -> "LinearHead":
        """The head in a safetensors file made by `to_bytes`.

        Raises:
            CampaignError: the bytes are no such file.
        """
        try:
            head = cls(**read_tensors(data))
        except TypeError as error:
            raise not_a_head(str(error)) from error
        head.check()
        return head


def read_tensors(data: bytes) -> dict[str, npt.NDArray[np.float32]]:
    """The tensors in a safetensors file, whatever their shapes.

    Raises:
        CampaignError: the bytes are no such file, or hold types that numpy lacks.
    """
    try:
        return load_tensors(data)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        raise not_a_head(str(error)) from error


def not_a_head(why: str) -> CampaignError:
    """The error of a file that holds no head."""
    return CampaignError(f"This is not a classification head: {why}. Delete it and train again.")


def identity_head(weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> LinearHead:
    """A linear layer alone as a head, (C, d) and (C,): its batch normalisation changes nothing."""
    ones, zeros = np.ones(weight.shape[1], np.float32), np.zeros(weight.shape[1], np.float32)
    return LinearHead(zeros, ones - np.float32(EPSILON), ones, zeros.copy(), weight, bias)


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities in the place of the logits, (N, C), which are overwritten."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
