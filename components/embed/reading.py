"""Images read and decoded by threads, ahead of the network, in order and within bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
from PIL import Image

from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.components.embed.plan import Sample

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


def read_ahead(
    samples: dict[str, Sample],
    pieces: Iterable[Sequence[str]],
    to_pixels: Callable[[Image.Image], Pixels],
    threads: int | None = None,
) -> Iterator[Batch]:
    """Decode batch after batch while the caller works on earlier ones.

    Args:
        samples: where each image is.
        pieces: the ids of each batch, in order.
        to_pixels: RGB image → uint8 (3, H, W).
        threads: decoding threads, by default one a core; Pillow releases the interpreter lock while it decodes.

    Memory: (threads + 2) batches of decoded images, whatever the number of pieces.
    """
    threads = threads or len(os.sched_getaffinity(0))
    rest = iter(pieces)
    with ThreadPoolExecutor(threads) as executor:
        first = islice(rest, threads + 1)
        waiting: deque[Future[Batch]] = deque(executor.submit(read_batch, samples, ids, to_pixels) for ids in first)
        while waiting:
            batch = waiting.popleft().result()
            for ids in islice(rest, 1):
                waiting.append(executor.submit(read_batch, samples, ids, to_pixels))
            yield batch
