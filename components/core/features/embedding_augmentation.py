"""Cross-attentive embedding augmentation: image embeddings move towards the embeddings of their captions.

Source: VeCAF, section 3.2, equations 8 and 9. The attention α is a softmax over K samples, so it is about 1/K; the step
η is therefore given as a multiple of K. Where text and image embeddings differ in width, which the paper excludes, a
ridge regression fitted on the pool maps texts to images.
Cost: O(K·d) time, K·d numbers; the map O(N·t·(t + d) + t³) time, t·(t + d) numbers beside a block of rows a core.

Features moved towards those of their captions between the loops of a data selection.

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

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.features.blocks import blocks_in_turn, for_each_block, one_thread_products

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

RIDGE = 1e-3
"""The penalty on the map's weights, as a share of the mean variance of the text embeddings."""


@dataclass(frozen=True)
class TextMap:
    """A linear map from text to image embeddings, to be stored with the run that fitted it.

    Attributes:
        weight: float32 (t, d).
        offset: float32 (d,).
    """

    weight: Floats
    offset: Floats

    def __call__(self, texts: npt.NDArray[np.floating]) -> Floats:
        """(n, t) → float32 (n, d)."""
        result: Floats = texts.astype(np.float32, copy=False) @ self.weight + self.offset
        return result


def fit_text_map(
    texts: npt.NDArray[np.floating], embeddings: npt.NDArray[np.floating], ridge: float = RIDGE
) -> TextMap:
    """The ridge regression of image embeddings on text embeddings.

    Args:
        texts: (N, t), N ≥ 1.
        embeddings: (N, d).
        ridge: penalty, as a share of the mean variance of the texts.
    """
    _check_lengths(embeddings, texts)
    width = texts.shape[1]

    def products(rows: slice) -> tuple[Doubles, Doubles, Doubles, Doubles]:
        left, right = texts[rows].astype(np.float64), embeddings[rows].astype(np.float64)
        return left.sum(axis=0), right.sum(axis=0), left.T @ left, left.T @ right

    sums = [
        np.zeros(width),
        np.zeros(embeddings.shape[1]),
        np.zeros((width, width)),
        np.zeros((width, embeddings.shape[1])),
    ]
    for parts in blocks_in_turn(len(texts), products, at_once=4):
        for total, part in zip(sums, parts, strict=True):
            total += part
    text_mean, image_mean = sums[0] / len(texts), sums[1] / len(texts)
    covariance = sums[2] / len(texts) - np.outer(text_mean, text_mean)
    shared = sums[3] / len(texts) - np.outer(text_mean, image_mean)
    penalty = ridge * np.trace(covariance) / width
    covariance[np.diag_indices_from(covariance)] += penalty if penalty > 0 else 1
    with one_thread_products():
        weight = np.linalg.solve(covariance, shared)
        offset = image_mean - text_mean @ weight
    return TextMap(weight.astype(np.float32), offset.astype(np.float32))


def attention(
    embeddings: npt.NDArray[np.floating], texts: npt.NDArray[np.floating], text_map: TextMap | None = None
) -> Doubles:
    """Equation 8: the softmax over the samples of the cosine of each with its caption; of a zero vector it is 0.

    Args:
        embeddings: (K, d).
        texts: (K, t), t = d unless there is a map.
        text_map: from text to image embeddings.

    Returns:
        float64 (K,), adding up to 1.
    """
    _check_lengths(embeddings, texts)

    def cosines(rows: slice) -> Doubles:
        image = embeddings[rows].astype(np.float64)
        text = in_image_space(texts[rows], text_map, embeddings.shape[1]).astype(np.float64)
        lengths = np.linalg.norm(image, axis=1) * np.linalg.norm(text, axis=1)
        products = np.einsum("nd,nd->n", image, text)
        result: Doubles = np.divide(products, lengths, out=np.zeros(len(image)), where=lengths > 0)
        return result

    exponentials = np.exp(np.concatenate([np.zeros(0), *for_each_block(len(texts), cosines)]))
    result: Doubles = exponentials / exponentials.sum()
    return result


def towards_texts(
    embeddings: npt.NDArray[np.floating],
    texts: npt.NDArray[np.floating],
    shares: npt.NDArray[np.floating],
    text_map: TextMap | None = None,
) -> Floats:
    """Embeddings moved by a share of the way to their texts: (n, d), (n, t), (n,) → float32 (n, d)."""
    image = embeddings.astype(np.float32)
    image -= shares[:, None].astype(np.float32) * (image - in_image_space(texts, text_map, image.shape[1]))
    return image


def augment_embeddings(
    embeddings: npt.NDArray[np.floating],
    texts: npt.NDArray[np.floating],
    step: float = 0.5,
    text_map: TextMap | None = None,
) -> Floats:
    """Equation 9 with η·K as the step: e ← e - step·K·α·(e - t).

    Args:
        embeddings: the K samples selected, (K, d).
        texts: embeddings of their captions, (K, t).
        step: η·K; the paper does not print η. 0 changes nothing; at 1 the average sample arrives at its caption.
        text_map: from text to image embeddings, needed where t ≠ d.

    Returns:
        float32 (K, d).

    Raises:
        InputError: other numbers of texts than of embeddings, or another width without a map.
    """
    shares = step * len(embeddings) * attention(embeddings, texts, text_map)
    return towards_texts(embeddings, texts, shares, text_map)


def in_image_space(texts: npt.NDArray[np.floating], text_map: TextMap | None, width: int) -> Floats:
    """Embeddings of texts as image embeddings, float32 (n, width).

    Raises:
        InputError: another width without a map.
    """
    mapped = texts.astype(np.float32, copy=False) if text_map is None else text_map(texts)
    if mapped.shape[1] != width:
        raise InputError(
            f"Text embeddings have {mapped.shape[1]} columns, image embeddings {width}. Fit a map with fit_text_map."
        )
    return mapped


def _check_lengths(embeddings: npt.NDArray[np.floating], texts: npt.NDArray[np.floating]) -> None:
    if len(embeddings) != len(texts):
        raise InputError(f"There are {len(embeddings)} image embeddings but {len(texts)} text embeddings.")


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
