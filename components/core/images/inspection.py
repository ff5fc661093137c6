"""Each image is read and decoded once when it joins a campaign, and set aside if it is no good."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from PIL import Image

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_image
from labelcycle.components.core.runtime.observation import Progress
from labelcycle.components.core.runtime.work_ahead import cores, work_ahead, work_by_processes

THUMBNAIL = 16
"""Pixels of a thumbnail's side."""

BLOCK_IMAGES, BLOCK_BYTES = 64, 8_000_000
"""Images that a thread looks at in one go, and bytes of them where they were read on the way, one image at least."""


SMALL = 8_000
"""Bytes of an image. Where those of the first block are no larger on average, threads wait for the interpreter's lock
rather than for the decoder: two take half as long again as one for images of 64 × 64 pixels."""

MANY = 20_000
"""Small images from which on processes look at them: they take a second to start."""


class Found(NamedTuple):
    """An image to be looked at.

    Attributes:
        sample_id: the sample's id.
        uri: the image's address.
        data: its bytes, where they were read on the way.
        place: where the image is named, for the reason why it is set aside; empty for nowhere.
        steps: by how much it is progress.
    """

    sample_id: str
    uri: str
    data: bytes | None = None
    place: str = ""
    steps: int = 1


@dataclass
class Inspected:
    """The images that can be used, in the order in which they were found, and those that are set aside.

    Attributes:
        uris: address by id.
        digests: SHA-256 of the content by id.
        thumbnails: 16 × 16 grey values by id, a byte each, by which near-copies are found.
        quarantined: sample_id, uri and reason of each that is set aside.
        place_of_first: where the first of these is named, in brackets; empty for nowhere.
    """

    uris: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    thumbnails: dict[str, bytes] = field(default_factory=dict)
    quarantined: list[dict[str, str]] = field(default_factory=list)
    place_of_first: str = ""

    def set_aside(self, sample_id: str, uri: str, reason: str) -> None:
        """Add an image that cannot be used."""
        self.quarantined.append({"sample_id": sample_id, "uri": uri, "reason": reason})


def inspect_images(images: Iterable[Found], total: int, unit: str = "image") -> Inspected:
    """Read and decode images.

    Args:
        images: taken as they are needed.
        total: what the steps of all come to.
        unit: of these.

    Raises:
        TransientError: S3 or a disk fails, or a process was killed.

    Cost: one read and one decoding an image, by one thread a core; where they are small by one process a core, or by a
    single thread if there are few. Memory for one image a thread, or, where their bytes were read on the way, for a few
    times `BLOCK_BYTES` a core.
    """
    inspected = Inspected()
    with Progress("inspect images", total, unit) as progress:
        for block, results in _inspect_blocks(_blocks(images), total):
            for image, result in zip(block, results, strict=True):
                if isinstance(result, UnreadableImage):
                    where = f" ({image.place})" if image.place else ""
                    inspected.place_of_first = inspected.place_of_first or where
                    inspected.set_aside(image.sample_id, image.uri, f"{result}{where}")
                else:
                    inspected.uris[image.sample_id] = image.uri
                    inspected.digests[image.sample_id] = result.digest
                    inspected.thumbnails[image.sample_id] = result.thumbnail
            progress.advance(sum(image.steps for image in block))
    return inspected


def _blocks(images: Iterable[Found]) -> Iterator[list[Found]]:
    block: list[Found] = []
    size = 0
    for image in images:
        block.append(image)
        size += len(image.data or b"")
        if len(block) == BLOCK_IMAGES or size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


class Usable(NamedTuple):
    """What is known of an image that can be used: digest, thumbnail, and how many bytes it has."""

    digest: str
    thumbnail: bytes
    size: int


InspectedBlock = tuple[list[Found], list[Usable | UnreadableImage]]
"""Images, without bytes that were read on the way, and what each is."""


def _inspect_blocks(blocks: Iterator[list[Found]], total: int) -> Iterator[InspectedBlock]:
    """Each block with its results, in order: the first at once, the others as fits the size of its images."""
    first = next(blocks, [])
    inspected = _inspect_block(first)
    yield inspected
    sizes = [result.size for result in inspected[1] if isinstance(result, Usable)]
    if not sizes or sum(sizes) > SMALL * len(sizes):
        yield from work_ahead(blocks, _inspect_block)
    elif total * len(first) < MANY * sum(image.steps for image in first) or cores() == 1:
        yield from map(_inspect_block, blocks)
    else:
        yield from work_by_processes(blocks, _inspect_block)


def _inspect_block(block: list[Found]) -> InspectedBlock:
    results = [_inspect(image) for image in block]
    return [image if image.data is None else image._replace(data=None) for image in block], results


def _inspect(image: Found) -> Usable | UnreadableImage:
    try:
        data = read_image(image.uri) if image.data is None else image.data
        pixels = decode_image(data)
        small = pixels.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX, reducing_gap=1.0)
        return Usable(digest_of_bytes(data), small.convert("L").tobytes(), len(data))
    except UnreadableImage as error:
        return error
