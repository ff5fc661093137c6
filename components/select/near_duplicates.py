"""Near-duplicates: of samples that look the same only one is worth a label."""

import numpy as np
import numpy.typing as npt

from labelcycle.components.select.strategy import Candidates


def without_near_duplicates(
    pool: Candidates, available: npt.NDArray[np.int64], kept: npt.NDArray[np.int64], similarity: float
) -> npt.NDArray[np.int64]:
    """The available rows less those that are too similar to another."""
    raise NotImplementedError
