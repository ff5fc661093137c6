"""Features moved towards those of their captions between the loops of a data selection.

Source: VeCAF, section 3.2 and algorithm 1: the samples that a loop has selected are augmented, and the next loop
chooses with their augmented embeddings in the pool. The paper leaves open whether others move too: `pool` moves all
of them.
Cost: that of the map from texts to images where their widths differ, O(N·t·(t + d)); a copy of the features.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as save_tensors

from labelcycle.components.select.embedding_augmentation import TextMap, augment_embeddings, fit_text_map

Features = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Augmented:
    """Features (N, d), some of them moved, and the map from text to image features; None where widths agree."""

    features: Features
    text_map: TextMap | None


def augment_pool(
    features: Features,
    texts: Features,
    selected: npt.NDArray[np.integer],
    what: Literal["selected", "pool"],
    step: float,
) -> Augmented:
    """Move the features of the samples selected last, or of all, towards their captions'.

    Args:
        features: (N, d).
        texts: (N, t), features of the captions of the same samples.
        selected: rows of the samples selected last, K of them.
        what: which samples move; the attention of equation 8 is a softmax over these.
        step: η times their number, as `augment_embeddings` takes it.

    Returns:
        The features in their own type, and the map, fitted on all N samples before any has moved.
    """
    text_map = None if texts.shape[1] == features.shape[1] else fit_text_map(texts, features)
    rows = np.arange(len(features)) if what == "pool" else selected
    moved = features.copy()
    if len(rows):
        moved[rows] = augment_embeddings(features[rows], texts[rows], step, text_map)
    return Augmented(moved, text_map)


def text_map_bytes(text_map: TextMap) -> bytes:
    """The map as safetensors, to be kept with the run that fitted it."""
    return save_tensors({name: np.ascontiguousarray(value) for name, value in vars(text_map).items()})
