"""Features of the test samples and of the labelled ones, in as few passes over a feature space as can be."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.spaces import FeaturesMissingError, FeatureSpace


@dataclass(frozen=True)
class Features:
    """Ids, sorted, and the feature vector of each, float16 (rows, d). Unreadable samples are not among them."""

    ids: list[str]
    vectors: npt.NDArray[np.float16]

    def of(self, ids: Collection[str]) -> "Features":
        """Those of some samples alone."""
        wanted = set(ids)
        rows = [row for row, name in enumerate(self.ids) if name in wanted]
        return Features([self.ids[row] for row in rows], self.vectors[rows])


def read_features(
    work: Attempt, space: str, test: Collection[str], labelled: Collection[str]
) -> tuple[Features, Features | None]:
    """Features of the test samples in this cycle's space, and of the labelled ones as the backbone comes.

    Where the campaign has no such features of the labelled samples, they are those of this cycle's space; None where
    that lacks them too, because nothing needed them.

    Args:
        work: the attempt.
        space: this cycle's.
        test: ids.
        labelled: ids, none of them a test sample.

    Raises:
        FeaturesMissingError: test samples have no features.

    Cost: one pass over the feature space where the two are the same, else one over each.
    """
    if space == work.campaign.base_space:
        together = _read(work, space, [*test, *labelled])
        if together is not None:
            return together.of(test), together.of(labelled)
    tested = Features(*FeatureSpace(work.store, space).read(list(test)))
    return tested, _read(work, work.campaign.base_space, labelled) or _read(work, space, labelled)


def _read(work: Attempt, space: str, ids: Collection[str]) -> Features | None:
    """Features of the samples; None where the space lacks some."""
    try:
        return Features(*FeatureSpace(work.store, space).read(list(ids)))
    except FeaturesMissingError:
        return None
