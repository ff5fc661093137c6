"""Leaks: samples of the pool that are nearly the same as one of the test set, which a model would recognise again."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import for_each_block
from labelcycle.components.core.features.neighbours import most_similar
from labelcycle.components.core.runtime.observation import notice
from labelcycle.pipelines.initialise.samples import Samples

SAME, SAME_IMAGE = 0.99, 0.98
"""Cosine similarity, about the mean of all, from which two embeddings, or thumbnails, count as nearly the same.

Of 3,000 satellite images none is that like one of 500 others; of copies stored at JPEG quality 60, made smaller or made
darker 93, 95 and 99 of 100 are. A copy that was cropped or turned is not found.
"""

LEAST_CONTRAST = 2.0
"""Grey values of 255: the deviation of a thumbnail below which it is plain, and says too little."""

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
    """Samples of the pool that are nearly the same as a test sample, by their embeddings or thumbnails.

    Args:
        samples: the usable ones.
        splits: the split of each that takes part.
        asked_for: look for them whatever it costs; else a notice says so where it would take long.

    Cost: pool × test × d multiply-adds in float32, a processor second for 100 million pairs of 384 numbers, of which
    thumbnails have 256; memory for a block of rows a core.
    """
    if samples.features is None and not samples.thumbnails:
        return []
    vectors = _vectors_of(samples)
    ids = list(samples.uris)
    pool, test = (
        np.array([row for row, name in enumerate(ids) if splits.get(name) == split and vectors.tell[row]], np.int64)
        for split in ("pool", "test")
    )
    if not len(pool) or not len(test):
        return []
    if len(pool) * len(test) > MOST_PAIRS and not asked_for:
        notice(
            f"{len(pool)} samples of the pool were not compared with {len(test)} test samples: --drop-leaks does it."
        )
        return []

    def look(part: slice) -> list[Leak]:
        rows = pool[part]
        best = np.full(len(rows), -np.inf, np.float32)
        nearest = np.zeros(len(rows), np.int64)
        queries = vectors.directions(rows)
        for start in range(0, len(test), POINTS_AT_ONCE):
            points = test[start : start + POINTS_AT_ONCE]
            similar, places = most_similar(queries, vectors.directions(points))
            better = similar[:, 0] > best
            best[better], nearest[better] = similar[better, 0], points[places[better, 0]]
        found = np.flatnonzero(best >= vectors.same).tolist()
        return [Leak(ids[rows[row]], ids[nearest[row]], float(best[row])) for row in found]

    return [leak for found in for_each_block(len(pool), look) for leak in found]


@dataclass(frozen=True)
class _Vectors:
    """What samples are compared by.

    Attributes:
        values: (N, d).
        mean: of all, (d,).
        level: of each, taken off first, (N, 1): how bright a thumbnail is; 0 for embeddings.
        tell: whether each says enough to be compared, (N,).
        same: similarity from which two are nearly the same.
    """

    values: npt.NDArray[np.float16] | npt.NDArray[np.uint8]
    mean: npt.NDArray[np.float64]
    level: npt.NDArray[np.float64]
    tell: npt.NDArray[np.bool_]
    same: float

    def directions(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Rows less the mean, float32 (n, d) at length 1; those that are the mean stay 0."""
        centred = self.values[rows].astype(np.float64) - self.level[rows] - self.mean
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        directions: npt.NDArray[np.float32] = (centred / np.where(lengths == 0, 1.0, lengths)).astype(np.float32)
        return directions


def _vectors_of(samples: Samples) -> _Vectors:
    """Embeddings, or else thumbnails without their brightness."""
    if samples.features is not None:
        count = len(samples.features)
        mean = samples.features.mean(axis=0, dtype=np.float64)
        return _Vectors(samples.features, mean, np.zeros((count, 1)), np.ones(count, np.bool_), SAME)
    joined = b"".join(samples.thumbnails[name] for name in samples.uris)
    values = np.frombuffer(joined, np.uint8).reshape(len(samples.uris), -1)
    level = values.mean(axis=1, dtype=np.float64, keepdims=True)
    mean = values.mean(axis=0, dtype=np.float64) - level.mean()
    return _Vectors(values, mean, level, values.std(axis=1, dtype=np.float64) >= LEAST_CONTRAST, SAME_IMAGE)


def set_aside(samples: Samples, leak: Leak) -> dict[str, str]:
    """The row of a leak among the samples that are set aside."""
    reason = f"nearly the same as the test sample {leak.test_id!r} (cosine similarity {leak.similarity:.4f})"
    return {"sample_id": leak.sample_id, "uri": samples.uris[leak.sample_id] or "", "reason": reason}


def tell_of_leaks(leaks: list[Leak], dropped: bool) -> None:
    """Say how many there are, which is the most alike, and what becomes of them."""
    if not leaks:
        return
    first = max(leaks, key=lambda leak: leak.similarity)
    kept = "kept, which makes accuracy look better than it is. To set them aside: --drop-leaks"
    what = "set aside" if dropped else kept
    notice(
        f"{len(leaks)} samples of the pool are nearly the same as a test sample, most of all {first.sample_id!r} and "
        f"{first.test_id!r} (cosine similarity {first.similarity:.4f}), and are {what}."
    )
