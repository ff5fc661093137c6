"""Features of the test samples and of the labelled ones, in as few passes over a feature space as can be."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.features.spaces import FeatureSpace, holds_pool


@dataclass(frozen=True)
class Features:
    """Ids, sorted, and the feature vector of each, float16 (rows, d). Unreadable samples are not among them."""

    ids: list[str]
    vectors: npt.NDArray[np.float16]


def read_features(
    work: Attempt, space: str, test: Collection[str], labelled: Collection[str]
) -> tuple[Features, Features | None]:
    """Features of the test samples in this cycle's space, and of the labelled ones as the backbone comes.

    Where no cycle made such features of the pool, they are those of this cycle's space; None where that holds only the
    test samples, because the campaign asks for no more.

    Args:
        work: the attempt.
        space: this cycle's.
        test: ids.
        labelled: ids, none of them a test sample.

    Raises:
        CampaignError: features are missing or damaged.

    Cost: reads the parts of the feature space that hold one of these samples, each once.
    """
    base = work.campaign.base_space
    if not test:
        holding = next((one for one in (base, space) if holds_pool(work, one)), None)
        nothing = Features([], np.empty((0, 0), np.float16))
        return nothing, None if holding is None else _read(work, holding, labelled)[0]
    if space == base and holds_pool(work, base):
        of_test, of_labelled = _read(work, space, test, labelled)
        return of_test, of_labelled
    holding = next((one for one in (base, space) if holds_pool(work, one)), None)
    (of_test,) = _read(work, space, test)
    return of_test, None if holding is None else _read(work, holding, labelled)[0]


def _read(work: Attempt, space: str, *groups: Collection[str]) -> list[Features]:
    return [Features(*found) for found in FeatureSpace(work.store, space).read_together(groups)]
