"""A classifier made of words: the class whose name, put into prompts, is most similar to an image.

It belongs to the features of one image-text backbone. Numpy alone: the network of text has done its work before.

Source: Radford et al., CLIP, ICML 2021, section 3.1.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from labelcycle.components.core.config.zero_shot import ZeroShot
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.blocks import block_rows_for, for_each_block
from labelcycle.components.core.models.head import read_tensors, softmax
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import read_object

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TextClassifier:
    """p = softmax(scale · cos(A x + b, text of each class)).

    Attributes:
        projection: A, float32 (d, t): from the campaign's features to where texts are; 0 for coordinates that the
            backbone was not trained to compare with texts.
        offset: b, float32 (t,).
        texts: float32 (C, t), of length 1.
        scale: float32 (1,), what the backbone was trained to multiply cosines by.
    """

    projection: Float32
    offset: Float32
    texts: Float32
    scale: Float32

    def embed(self, features: npt.NDArray[np.floating]) -> Float32:
        """Where features stand among texts: (N, d) of any float type → float32 (N, t) of length 1, or 0."""
        vectors: Float32 = features.astype(np.float32) @ self.projection
        vectors += self.offset
        length = np.sqrt(np.einsum("nt,nt->n", vectors, vectors))[:, None]
        np.divide(vectors, length, out=vectors, where=length > 0)
        return vectors

    def logits(self, features: npt.NDArray[np.floating]) -> Float32:
        """Cosines with the texts times the scale: (N, d) → float32 (N, C)."""
        cosines: Float32 = self.embed(features) @ self.texts.T
        cosines *= self.scale
        return cosines

    def probabilities(self, features: npt.NDArray[np.floating]) -> Float32:
        """Rows that sum to 1: (N, d) → float32 (N, C), the same for any number of cores.

        Raises:
            CampaignError: the features are of another width.

        Cost: N·t·(d + C) multiply-adds; memory of one block a core beside the result.
        """
        if features.shape[1] != len(self.projection):
            raise CampaignError(
                f"The texts of the classes belong to features of width {len(self.projection)}, not "
                f"{features.shape[1]}. Restore the object."
            )
        result = np.empty((len(features), len(self.texts)), np.float32)

        def fill(rows: slice) -> None:
            result[rows] = softmax(self.logits(features[rows]))

        for_each_block(len(features), fill, block_rows_for(self.projection.shape[1] + len(self.texts)))
        return result

    def to_bytes(self) -> bytes:
        """As a safetensors file."""
        return save({"projection": self.projection, "offset": self.offset, "texts": self.texts, "scale": self.scale})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The classifier in a file made by `to_bytes`.

        Raises:
            CampaignError: the bytes are no such file, or its tensors do not fit each other.
        """
        tensors = read_tensors(data)
        try:
            found = cls(**tensors)
            width = found.projection.shape[1]
            fits = (found.offset.shape, found.texts.shape[1:], found.scale.shape) == ((width,), (width,), (1,))
        except (TypeError, IndexError):
            fits = False
        if not fits:
            shapes = {name: tensor.shape for name, tensor in sorted(tensors.items())}
            raise CampaignError(f"These are not the texts of classes: {shapes}. Restore the object.")
        return found


def read_text_classifier(store: Store, zero_shot: ZeroShot) -> TextClassifier:
    """The classifier that a campaign began with, or that an amendment of its classes made.

    Raises:
        CampaignError: the object is missing, changed, or for another number of classes.
    """
    found = TextClassifier.from_bytes(read_object(store, zero_shot.classifier))
    if len(found.texts) != len(zero_shot.classes):
        raise CampaignError(
            f"{store.locate(zero_shot.classifier.key)} has texts of {len(found.texts)} classes, not of "
            f"{len(zero_shot.classes)}. Restore the object."
        )
    return found
