"""Images read from where they lie and decoded, a batch at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.components.embed.embedding_plan import Sample

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Batch:
    """Decoded images, and those that could not be decoded with the reason of each."""

    ids: list[str]
    pixels: Pixels
    unreadable: list[dict[str, str]]


def read_batch(samples: dict[str, Sample], ids: Sequence[str], to_pixels: Callable[[Image.Image], Pixels]) -> Batch:
    """Read and decode the images `ids`, in order.

    Args:
        samples: where each image is.
        ids: which images.
        to_pixels: RGB image → uint8 (3, H, W).

    Returns:
        uint8 pixels (readable images, 3, H, W); images that cannot be used are listed with the reason.
    """
    good: list[str] = []
    pixels: list[Pixels] = []
    unreadable: list[dict[str, str]] = []
    for sample_id in ids:
        sample = samples[sample_id]
        try:
            pixels.append(to_pixels(decode_image(read_unchanged_image(sample.uri, sample.sha256))))
            good.append(sample_id)
        except UnreadableImage as error:
            unreadable.append({"sample_id": sample_id, "uri": sample.uri, "reason": str(error)})
    return Batch(good, np.stack(pixels) if pixels else np.empty((0, 3, 1, 1), np.uint8), unreadable)
