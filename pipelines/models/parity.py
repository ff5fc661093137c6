"""Whether an exported model says the same as labelcycle does."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LARGEST_DIFFERENCE = 1e-3
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Parity:
    """How far an exported model is from labelcycle's own.

    Attributes:
        samples: how many samples both were asked about.
        difference: the largest between two probabilities.
        disagreements: samples of which they name another class.
    """

    samples: int
    difference: float
    disagreements: int

    @property
    def holds(self) -> bool:
        """Whether the exported model may be used in the other's place."""
        return self.disagreements == 0 and self.difference <= LARGEST_DIFFERENCE


def compare(exported: Floats, own: Floats) -> Parity:
    """Two tables of probabilities (N, C), of the same samples."""
    return Parity(
        samples=len(own),
        difference=float(np.abs(exported - own).max()),
        disagreements=int((exported.argmax(axis=1) != own.argmax(axis=1)).sum()),
    )
