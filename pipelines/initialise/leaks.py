"""Leaks: samples of the pool that are nearly the same as one of the test set, which a model would recognise again."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.neighbours import most_similar
from labelcycle.components.core.runtime.observation import notice
from labelcycle.pipelines.initialise.samples import Samples

SAME = 0.99
"""Cosine similarity, about the mean of all features, from which two samples count as nearly the same."""

POINTS_AT_ONCE = 16_384

MOST_PAIRS = 300_000_000
"""Of pool and test samples; more are compared only where leaks are to be dropped."""


@dataclass(frozen=True)
class Leak:
    """A sample of the pool, the test sample that is most like it, and how similar the two are."""

    sample_id: str
    test_id: str
    similarity: float


def find_leaks(samples: Samples, splits: dict[str, str], asked_for: bool = False) -> list[Leak]:
    """Samples of the pool that are nearly the same as a test sample, by their embeddings; none without these.

    Args:
        samples: the usable ones.
        splits: the split of each that takes part.
        asked_for: look for them whatever it costs; else a notice says so where it would take long.

    Cost: pool × test × d multiply-adds in float32, a processor second for 100 million pairs of 384 numbers; memory
    for a block of rows a core.
    """
    if samples.features is None:
        return []
    ids = list(samples.uris)
    pool, test = (
        np.array([row for row, name in enumerate(ids) if splits.get(name) == split], dtype=np.int64)
        for split in ("pool", "test")
    )
    if not len(pool) or not len(test):
        return []
    if len(pool) * len(test) > MOST_PAIRS and not asked_for:
        notice(
            f"{len(pool)} samples of the pool were not compared with {len(test)} test samples: --drop-leaks does it."
        )
        return []
    features, mean = samples.features, samples.features.mean(axis=0, dtype=np.float64)

    def look(part: slice) -> list[Leak]:
        rows = pool[part]
        best = np.full(len(rows), -np.inf, np.float32)
        nearest = np.zeros(len(rows), np.int64)
        queries = _directions(features[rows], mean)
        for start in range(0, len(test), POINTS_AT_ONCE):
            points = test[start : start + POINTS_AT_ONCE]
            similar, places = most_similar(queries, _directions(features[points], mean))
            better = similar[:, 0] > best
            best[better], nearest[better] = similar[better, 0], points[places[better, 0]]
        return [
            Leak(ids[rows[row]], ids[nearest[row]], float(best[row])) for row in np.flatnonzero(best >= SAME).tolist()
        ]

    return [leak for found in for_each_block(len(pool), look) for leak in found]


def set_aside(samples: Samples, leak: Leak) -> dict[str, str]:
    """The row of a leak among the samples that are set aside."""
    reason = f"nearly the same as the test sample {leak.test_id!r} (cosine similarity {leak.similarity:.4f})"
    return {"sample_id": leak.sample_id, "uri": samples.uris[leak.sample_id] or "", "reason": reason}


def tell_of_leaks(leaks: list[Leak], dropped: bool) -> None:
    """Say how many there are, which is the first, and what becomes of them."""
    if not leaks:
        return
    first = max(leaks, key=lambda leak: leak.similarity)
    kept = "kept, which makes accuracy look better than it is. To set them aside: --drop-leaks"
    what = "set aside" if dropped else kept
    notice(
        f"{len(leaks)} samples of the pool are nearly the same as a test sample (cosine similarity of {SAME} or more, "
        f"such as {first.sample_id!r} and {first.test_id!r}) and are {what}."
    )


def _directions(features: npt.NDArray[np.float16], mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Features less the mean, at length 1; those that are the mean stay 0."""
    centred = features.astype(np.float64) - mean
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    directions: npt.NDArray[np.float32] = (centred / np.where(lengths == 0, 1.0, lengths)).astype(np.float32)
    return directions
