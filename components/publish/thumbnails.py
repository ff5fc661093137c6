"""Thumbnails of the query's first picks, each image read once for all that show it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from PIL import Image

from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from labelcycle.components.core.images.source import read_image

SIDE = 160
"""Of the square that a thumbnail is fitted into, in pixels."""
NO_FILE = "no image file"


@dataclass(frozen=True)
class Thumbnail:
    """A small picture, or why there is none."""

    picture: Image.Image | None
    problem: str = ""

    @property
    def has_file(self) -> bool:
        """Whether the sample has an image, be it one that cannot be read."""
        return self.problem != NO_FILE


def read_thumbnails(ids: Iterable[str], uris: Mapping[str, str | None]) -> dict[str, Thumbnail]:
    """Thumbnails by id, in the order of the ids. One that cannot be made says why.

    Args:
        ids: samples.
        uris: where each sample's image is; None or absent where it has none.

    Raises:
        TransientError: S3 does not answer.
    """
    return {sample_id: _read(uris.get(sample_id)) for sample_id in ids}


def _read(uri: str | None) -> Thumbnail:
    if not uri:
        return Thumbnail(None, NO_FILE)
    try:
        return Thumbnail(_fitted(decode_image(read_image(uri))))
    except UnreadableImage as reason:
        return Thumbnail(None, str(reason))


def _fitted(picture: Image.Image) -> Image.Image:
    """The picture in its own shape, enlarged or reduced to fit the square; no side is less than a pixel."""
    scale = SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height))
