"""How large the campaigns of a study are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How large campaigns on images are.

    Attributes:
        pool, test: numbers of images.
        image_size: pixels a side.
        epochs: of a training on images, in the place of the papers'.
    """

    pool: int = 1500
    test: int = 1000
    image_size: int = 64
    epochs: int = 30
