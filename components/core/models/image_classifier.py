"""A model on images: what measures it, `labelcycle predict` and the model in MLflow all classify by these steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from labelcycle.components.core.backbones.build import pixel_transform
from labelcycle.components.core.backbones.forward import forward
from labelcycle.components.core.campaign.campaign import Backbone
from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.components.core.models.heads import Head

NOT_FINITE = "the network makes NaN or infinite features of it"


@dataclass(frozen=True)
class Classified:
    """What a model says of B samples.

    Attributes:
        probabilities: float32 (B, C); rows of NaN where there is none.
        reasons: why a sample has no prediction; None where it has one.
    """

    probabilities: npt.NDArray[np.float32]
    reasons: list[str | None]


class ImageClassifier:
    """Images → probabilities. Features are rounded to float16 on the way, as they were when the model was measured.

    It may be called by several threads at once.
    """

    def __init__(self, network: torch.nn.Module, backbone: Backbone, head: Head, classes: int) -> None:
        """Of a network in evaluation mode, its description, the head on it, and the number of classes."""
        self._network, self._backbone, self._head, self._classes = network, backbone, head, classes
        self._to_pixels = pixel_transform(backbone.transform)

    def classify(self, images: Sequence[Callable[[], Image.Image]]) -> Classified:
        """One forward pass of a batch.

        Args:
            images: functions that give RGB images, each called once. An image whose function raises `UnreadableImage`
                has the reason instead of probabilities.
        """
        reasons: list[str | None] = [None] * len(images)
        pixels: list[npt.NDArray[np.uint8]] = []
        for row, image in enumerate(images):
            try:
                pixels.append(self._to_pixels(image()))
            except UnreadableImage as error:
                reasons[row] = str(error)
        probabilities = np.full((len(images), self._classes), np.nan, np.float32)
        if pixels:
            features = forward(self._network, np.stack(pixels), self._backbone)
            probabilities[[row for row, reason in enumerate(reasons) if reason is None]] = self._head.probabilities(
                features
            )
        lost = {int(row) for row in np.flatnonzero(np.isnan(probabilities).any(axis=1))}
        return Classified(
            probabilities, [reason or (NOT_FINITE if row in lost else None) for row, reason in enumerate(reasons)]
        )
