"""Image bytes."""

from random import Random

from labelcycle.components.core.images.decode import UnreadableImage, decode_image
from tests.harness.fuzz.bad_images import KINDS, MODES, valid
from tests.harness.fuzz.target import Target


def read(data: bytes) -> None:
    """Decode, and look at the pixels."""
    image = decode_image(data)
    assert image.mode == "RGB"
    assert image.width > 0 and image.height > 0
    image.getpixel((image.width - 1, image.height - 1))


def _mutation(data: bytes, random: Random) -> bytes:
    kind = random.choice([name for name in KINDS if name != "bomb"])
    return KINDS[kind](random)


TARGETS = [
    Target(
        "image",
        read,
        tuple(valid(Random(number), kind) for number, kind in enumerate((*MODES,) * 3)),
        _mutation,
        (UnreadableImage,),
        megabytes=3072,
    )
]
