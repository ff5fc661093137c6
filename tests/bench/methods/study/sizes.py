"""How large the campaigns of a study are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How large campaigns on images are.

    Attributes:
        pool, test: numbers of images.
        image_size: pixels a side.
        epochs: of a training on images, in the place of the papers'.
        batch: labels a cycle; ASVP's first cycles ask for half as many.
        cycles: in which labels are asked for.
    """

    pool: int = 1500
    test: int = 1000
    image_size: int = 64
    epochs: int = 30
    batch: int = 50
    cycles: int = 10
