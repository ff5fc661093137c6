"""Loss prediction: a small network that learns from labelled samples to rank samples by the loss of the head.

Source: Yoo and Kweon, CVPR 2019, section 3.3 (ranking loss); Kim et al., CVPR 2021 (its logistic form). The papers tap
several layers of a network under training; on frozen features there is one layer to tap.
Cost: epochs·L·d·hidden multiply-adds to train, N·d·hidden to predict; L·d numbers of memory.

Small trained networks at work: standardised inputs through dense layers, in numpy, block by block on all cores.

Training of small networks that is the same for the same seed, whatever the process did before or has for threads.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.models.head import LinearHead
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


@contextmanager
def seeded_training(seed: int) -> Iterator[None]:
    """Inside, torch draws from `seed` and computes on one thread; afterwards both are as they were.

    Args:
        seed: of torch's generator on the CPU, a non-negative integer.
    """
    import torch

    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


BATCH = 128
"""Samples a step, as both papers have it; they make half as many pairs."""

WEIGHT_DECAY = 5e-4
"""As both papers have it."""

SMALLEST_PROBABILITY = 1e-12
"""Losses are those of probabilities of at least this."""

Ranking = Literal["margin", "logistic"]


@dataclass(frozen=True)
class LossPredictor:
    """A trained loss-prediction network; without layers it knows nothing and predicts 0.

    Attributes:
        standardisation: of the features.
        layers: d inputs, one output; None where no two labelled samples differ in loss.
    """

    standardisation: Standardisation
    layers: DenseLayers | None

    def __call__(self, features: npt.NDArray[np.floating]) -> Floats:
        """Predicted losses, which only rank: (n, d) → float32 (n,)."""
        if self.layers is None:
            return np.zeros(len(features), np.float32)
        return self.layers(self.standardisation(features))[:, 0]

    def over_pool(self, features: npt.NDArray[np.floating]) -> Floats:
        """The same for a large array, block by block on all cores."""
        parts = for_each_block(len(features), lambda rows: self(features[rows]))
        return np.concatenate([np.zeros(0, np.float32), *parts])


def losses_of_head(
    head: LinearHead, features: npt.NDArray[np.floating], classes: npt.NDArray[np.integer]
) -> npt.NDArray[np.float32]:
    """Cross-entropy of the head on labelled samples: (L, d), (L,) → float32 (L,)."""
    given = head.probabilities(features)[np.arange(len(classes)), classes]
    result: npt.NDArray[np.float32] = -np.log(np.maximum(given, np.float32(SMALLEST_PROBABILITY)))
    return result


def train_loss_predictor(
    features: npt.NDArray[np.floating],
    losses: npt.NDArray[np.float32],
    seed: int,
    *,
    ranking: Ranking,
    hidden: int,
    epochs: int,
    learning_rate: float,
    margin: float = 1.0,
) -> LossPredictor:
    """Train on pairs of labelled samples to say which has the larger loss.

    Args:
        features: (L, d).
        losses: of the head, (L,).
        seed: decides initial weights and pairs.
        ranking: `margin` for max(0, ξ - s·(l̂ᵢ - l̂ⱼ)) with s = ±1 the order of the true losses; `logistic` for the
            cross-entropy of sigmoid(l̂ᵢ - l̂ⱼ). Pairs of equal losses count for nothing.
        hidden: width of the layer between.
        epochs: passes over the labelled samples; each pairs them again.
        learning_rate: of Adam.
        margin: ξ.
    """
    standardisation = standardisation_of(features)
    if len(np.unique(losses)) < 2:
        return LossPredictor(standardisation, None)
    import torch

    with seeded_training(seed):
        layers = [torch.nn.Linear(features.shape[1], hidden), torch.nn.Linear(hidden, 1)]
        network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
        optimiser = torch.optim.Adam(network.parameters(), learning_rate, weight_decay=WEIGHT_DECAY)
        inputs = torch.from_numpy(standardisation(features))
        targets = torch.from_numpy(losses)
        for _ in range(epochs):
            for batch in torch.randperm(len(inputs)).split(BATCH):
                half = len(batch) // 2
                first, second = batch[:half], batch[half : 2 * half]
                order = torch.sign(targets[first] - targets[second])
                if not order.any():
                    continue
                difference = order * (network(inputs[first]) - network(inputs[second]))[:, 0]
                terms = (
                    torch.clamp(margin - difference, min=0)
                    if ranking == "margin"
                    else torch.nn.functional.softplus(-difference)
                )
                optimiser.zero_grad()
                (terms[order != 0].sum() / half).backward()
                optimiser.step()
        return LossPredictor(standardisation, dense_layers(layers))
