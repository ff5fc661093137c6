"""Small trained networks at work: standardised inputs through dense layers, in numpy, block by block on all cores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from labelcycle.components.select.points import Floats

if TYPE_CHECKING:
    import torch

SMALLEST_SCALE = 1e-3
"""Coordinates that vary less are not blown up."""

FARTHEST = 10.0
"""Standard deviations beyond which a coordinate is cut off, as where it never varied among those measured."""


@dataclass(frozen=True)
class Standardisation:
    """x → (x - mean)/scale, each float32 (d,), but no farther from 0 than `FARTHEST`."""

    mean: Floats
    scale: Floats

    def __call__(self, features: npt.NDArray[np.floating]) -> Floats:
        """Standardised features, float32 (n, d)."""
        result: Floats = (features.astype(np.float32) - self.mean) / self.scale
        return result.clip(-FARTHEST, FARTHEST)


def standardisation_of(features: npt.NDArray[np.floating]) -> Standardisation:
    """Mean and standard deviation of each coordinate of (n, d); of no features, those that change nothing."""
    if not len(features):
        return Standardisation(np.zeros(features.shape[1], np.float32), np.ones(features.shape[1], np.float32))
    exact = features.astype(np.float64)
    scale = np.maximum(exact.std(axis=0), SMALLEST_SCALE)
    return Standardisation(exact.mean(axis=0).astype(np.float32), scale.astype(np.float32))


@dataclass(frozen=True)
class DenseLayers:
    """Linear layers with rectifiers between them.

    Attributes:
        weights: float32 (outputs, inputs) of each layer.
        biases: float32 (outputs,) of each layer.
    """

    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    def __call__(self, inputs: Floats) -> Floats:
        """Outputs of the last layer: (n, inputs) → float32 (n, outputs)."""
        values = inputs
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = values @ weight.T + bias
            if number + 1 < len(self.weights):
                np.maximum(values, 0, out=values)
        return values


def dense_layers(linear: Sequence["torch.nn.Linear"]) -> DenseLayers:
    """The trained layers of a network, without torch."""
    return DenseLayers(
        tuple(layer.weight.detach().numpy().copy() for layer in linear),
        tuple(layer.bias.detach().numpy().copy() for layer in linear),
    )
