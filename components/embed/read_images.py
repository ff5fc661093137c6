"""Images read from where they lie and decoded, a batch at a time, by threads a few batches ahead, in bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

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


Piece = TypeVar("Piece")
Result = TypeVar("Result")


def work_ahead(
    pieces: Iterable[Piece], work: Callable[[Piece], Result], threads: int | None = None
) -> Iterator[Result]:
    """The results of `work` on each piece, in the order of the pieces.

    Args:
        pieces: taken as they are needed.
        work: must release the interpreter lock for most of its time to gain from threads.
        threads: by default one a core.

    Memory: (threads + 1) pieces and results, whatever the number of pieces.
    """
    threads = threads or len(os.sched_getaffinity(0))
    rest = iter(pieces)
    with ThreadPoolExecutor(threads) as executor:
        waiting: deque[Future[Result]] = deque(executor.submit(work, piece) for piece in islice(rest, threads + 1))
        while waiting:
            result = waiting.popleft().result()
            for piece in islice(rest, 1):
                waiting.append(executor.submit(work, piece))
            yield result
