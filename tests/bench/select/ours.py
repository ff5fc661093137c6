"""Our side: the entrance that the select stage uses, checks included."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelcycle.components.select import STRATEGIES, Candidates, select_batch
from tests.bench.select.data import Pool
from tests.bench.select.measure import Choose

OURS = "ours"

GIVEN = ("features", "probs", "losses", "labelled_features", "labelled_classes", "head")
"""What a pool may have; a strategy gets of it what it reads."""

DEFAULTS: Mapping[str, float] = {}


def served(pool: Pool) -> list[str]:
    """The strategies whose needs a pool has, by name."""
    return sorted(name for name in STRATEGIES if STRATEGIES[name].needs <= {*_given(pool.candidates), "probs"})


def prepare_ours(strategy: str, pool: Pool, seed: int = 0, parameters: Mapping[str, float] = DEFAULTS) -> Choose:
    """A query by our strategy. Probabilities that a pool lacks are computed from the head, as part of the work.

    Ids are the rows' numbers as text.
    """
    reads = set(STRATEGIES[strategy].reads_with(parameters))
    if "probs" in STRATEGIES[strategy].needs and pool.candidates.probs is None:
        reads |= {"head", "features"}
    candidates = replace(pool.candidates, **dict.fromkeys(set(GIVEN) - reads))

    def choose() -> npt.ArrayLike:
        return select_batch(strategy, candidates, pool.setting.budget, seed, **parameters).ids.astype(np.int64)

    return choose


def _given(candidates: Candidates) -> set[str]:
    return {name for name, value in vars(candidates).items() if value is not None}
