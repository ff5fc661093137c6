"""Greedy maximisation of generalised coverage: how well the nearest pick stands for each sample, under a kernel.

The coverage of a sample is its largest kernel value with any labelled or picked sample. A candidate's gain is the
weighted sum over targets of what it would add. Gains only ever fall, so a gain computed some picks ago is an upper
bound, and only candidates whose bound reaches the best gain known need a new one. The picks are those of computing all
gains again each time.

The width of a Gaussian kernel: how far labelled samples typically lie from each other.

Source: Bae et al., UHerding, 2024, which takes the minimum over labelled samples; the median is not moved by one pair
    of near-duplicates.
"""

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.features.blocks import BLOCK_ROWS, blocks_of, for_each_block, one_thread_products
from labelcycle.components.core.features.neighbours import nearest
from labelcycle.components.select.distances import CENTRES_OF_AN_INDEX, nearest_among
from labelcycle.components.select.points import Floats, Listed, Vectors, squared_distances

MOST_ASKED = 1000
"""The median is taken over at most so many samples; each is compared with all others."""

SMALLEST = 1e-3
"""Points of length 1 that are nearer to each other cannot be told apart in float32; a smaller width counts as this."""

LARGEST = 1e3
"""Under a kernel so wide all points of length 1 are the same; a larger width counts as this."""

WIDTH_OF_EQUALS = 1.0
"""Where all samples are equal any width does."""


def bandwidth_of(*sets: Vectors | Listed) -> float:
    """The median distance of a sample to the nearest other one, in the first of these sets where that is above 0.

    Copies have the distance 0. Where they make the median 0, it is taken over the samples that have no copy.

    Args:
        sets: points, in order of preference; a set of less than two is passed over.

    Cost: at most 1,000·L·d multiply-adds for a set of L points; memory of one block of distances.
    """
    for points in sets:
        if len(points) < 2:
            continue
        distances = np.sqrt(squared_to_nearest_other(points))
        apart = distances[distances > 0]
        if len(apart):
            median = float(np.median(distances))
            return max(SMALLEST, median if median > 0 else float(np.median(apart)))
    return WIDTH_OF_EQUALS


def squared_to_nearest_other(points: Vectors | Listed) -> Floats:
    """Squared distance to the nearest other point, float32; of 1,000 points spread over all rows where there are more.

    Args:
        points: at least two.
    """
    asked = np.unique(np.linspace(0, len(points) - 1, min(len(points), MOST_ASKED)).astype(np.int64))
    queries = points.read(asked)
    squared = np.full(len(asked), np.inf, np.float32)
    for rows in blocks_of(len(points), CENTRES_OF_AN_INDEX):
        block = points.read(rows)
        found, which = nearest(queries, block, min(2, len(block)))
        found[which == asked[:, None] - rows.start] = np.inf
        np.minimum(squared, found.min(axis=1), out=squared)
    return squared


Rows = npt.NDArray[np.int64]

MOST_KEPT = 1 << 22
"""So many kernel values are kept, 16 MiB: all, or those of the candidates that were asked for last."""

AT_ONCE = 1 << 19
"""So many kernel values are in work at once."""

ALONE = 1 << 16
"""So few kernel values are computed by one thread: it takes less time than to start others."""

FIRST_ASKED = 8
"""So many bounds are brought up to date at once for a pick, then twice as many each time."""

ROUNDING = 1e-5
"""By so much of itself a bound may be too low, as matrix products of other shapes round differently."""

EQUAL = 1e-6
"""Gains that differ by less than this share are equal, as those of two samples that are near to each other alone."""


class GaussianKernel:
    """k(x, y) = exp(-‖x - y‖² / 2σ²) between candidates and targets.

    Attributes:
        block_candidates: candidates whose values are in work at once.
    """

    def __init__(
        self,
        candidates: Vectors | Listed,
        targets: Vectors | Listed,
        bandwidth: float,
        most_kept: int = MOST_KEPT,
        at_once: int = AT_ONCE,
    ) -> None:
        """Kernel values are computed when they are first asked for; where they are few, all at once.

        Args:
            candidates: M points, read when their values are computed.
            targets: T points, which are then read block by block.
            bandwidth: σ, in the unit of the distances.
            most_kept: kernel values that are kept.
            at_once: kernel values that are in work at once.
        """
        self.block_candidates = max(16, at_once // max(1, len(targets)))
        self._candidates = candidates
        self._targets = targets
        self._factor = np.float32(-0.5 / min(max(bandwidth, SMALLEST), LARGEST) ** 2)
        self._most_kept = min(len(candidates), most_kept // max(1, len(targets)))
        self._kept = np.empty((0, len(targets)), np.float32)
        self._kept_of = np.empty(0, np.int64)
        self._where = np.full(len(candidates), -1)
        self._oldest = 0

    @property
    def candidates(self) -> int:
        """The number of candidates, M."""
        return len(self._candidates)

    @property
    def targets(self) -> int:
        """The number of targets, T."""
        return len(self._targets)

    def rows(self, rows: Rows) -> Floats:
        """Values of these candidates, each named once, with all targets, float32 (b, T), to be written to."""
        if self._most_kept == len(self._candidates):
            if not len(self._kept):
                self._keep_all()
            return self._kept[rows]
        missing = rows[self._where[rows] < 0]
        if len(missing) == len(rows) or len(rows) > self._most_kept:
            computed = self._compute(rows)
            self._keep(rows, computed)
            return computed
        values: Floats = self._kept[self._where[rows]]
        if len(missing):
            computed = self._compute(missing)
            values[self._where[rows] < 0] = computed
            self._keep(missing, computed)
        return values

    def _keep_all(self) -> None:
        self._kept = np.empty((len(self._candidates), self.targets), np.float32)
        for part in blocks_of(len(self._candidates), self.block_candidates):
            self._kept[part] = self._compute(np.arange(part.start, part.stop))

    def _keep(self, rows: Rows, values: Floats) -> None:
        """Keep values in the place of those that were kept first."""
        if not 0 < len(rows) <= self._most_kept:
            return
        if not len(self._kept):
            self._kept = np.empty((self._most_kept, self.targets), np.float32)
            self._kept_of = np.full(self._most_kept, -1)
        slots = (self._oldest + np.arange(len(rows))) % self._most_kept
        left = self._kept_of[slots]
        self._where[left[left >= 0]] = -1
        self._kept[slots], self._kept_of[slots], self._where[rows] = values, rows, slots
        self._oldest = int(slots[-1] + 1) % self._most_kept

    def coverage_by(self, labelled: Vectors | Listed) -> Floats:
        """How well these samples stand for each target, float32 (T,), between 0 and 1; 0 where there are none."""
        return self._of_distances(nearest_among(self._targets, labelled))

    def _of_distances(self, squared: Floats) -> Floats:
        """Values at these squared distances, in their place; 0 at infinite ones."""
        squared *= self._factor
        return np.exp(squared, out=squared)

    def _compute(self, rows: Rows) -> Floats:
        block = self._candidates.at(rows)
        values = np.empty((len(rows), self.targets), np.float32)

        def fill(part: slice) -> None:
            values[:, part] = self._of_distances(squared_distances(block, self._targets.at(part)))

        if values.size <= ALONE:
            with one_thread_products():
                for part in blocks_of(self.targets, BLOCK_ROWS):
                    fill(part)
        else:
            for_each_block(self.targets, fill, BLOCK_ROWS)
        return values


def cover(
    kernel: GaussianKernel,
    covered: Floats,
    weights: Floats,
    ties: npt.NDArray[np.uint64],
    budget: int,
    classes: npt.NDArray[np.integer] | None = None,
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """Rows of the candidates that add the most coverage, one after another, and what each adds when it is picked.

    Args:
        kernel: of M candidates and T targets.
        covered: float32 (T,), the coverage of each target so far; raised to that after all picks, in place.
        weights: float32 (T,), at least 0, what coverage of each target counts.
        ties: (M,), decides between equal gains, the smaller first.
        budget: number of picks, 1 ≤ budget ≤ M.
        classes: (M,), the class of each candidate: picks are made in rounds of at most one of each class, and a class
            that has no candidate left sits out. None for the best pick of all each time.

    Source: Bae et al., MaxHerding, ECCV 2024, Algorithm 1; lazy evaluation: Minoux, Optimization Techniques, 1978.
    Cost: O(M·T·d) multiply-adds for the first gains; then O(T) for each gain that is brought up to date, and O(T·d)
        where kernel values are not kept. Memory of at most 4 million numbers and of one block of targets a core.
    """
    bounds = np.empty(kernel.candidates, np.float32)
    for part in blocks_of(kernel.candidates, kernel.block_candidates):
        bounds[part] = _gains(kernel, np.arange(part.start, part.stop), covered, weights)
    fresh = np.ones(kernel.candidates, np.bool_)
    picks = np.empty(budget, np.int64)
    gains = np.empty(budget, np.float64)
    next_round = np.full(kernel.candidates, -1, np.float32)
    for rank in range(budget):
        if classes is not None and bounds.max() < 0:
            bounds, next_round = next_round, bounds
        _bring_up_to_date(kernel, bounds, fresh, covered, weights)
        most = bounds.max()
        best = np.flatnonzero(bounds >= most * np.float32(1 - EQUAL))
        pick = best[[ties[best].argmin()]]
        picks[rank], gains[rank] = pick[0], bounds[pick[0]]
        np.maximum(covered, kernel.rows(pick)[0], out=covered)
        bounds[pick] = -1
        fresh[:] = False
        if classes is not None:
            same = classes == classes[pick]
            next_round[same], bounds[same] = bounds[same], -1
    return picks, gains


def _bring_up_to_date(
    kernel: GaussianKernel, bounds: Floats, fresh: npt.NDArray[np.bool_], covered: Floats, weights: Floats
) -> None:
    """Compute gains again, in place, until the largest bound is a gain; a gain of 0 stays 0."""
    asked = FIRST_ASKED
    while True:
        known = bounds[fresh].max(initial=0)
        open_ = np.flatnonzero(~fresh & (bounds > 0) & (bounds * np.float32(1 + ROUNDING) >= known))
        if not len(open_):
            return
        if len(open_) > asked:
            open_ = np.sort(open_[np.argpartition(-bounds[open_], asked)[:asked]])
        for part in blocks_of(len(open_), kernel.block_candidates):
            bounds[open_[part]] = _gains(kernel, open_[part], covered, weights)
        fresh[open_] = True
        asked *= 2


def _gains(kernel: GaussianKernel, rows: Rows, covered: Floats, weights: Floats) -> Floats:
    """The sum over targets of weight times what each candidate adds to the coverage, float32 (b,)."""
    added = kernel.rows(rows)
    added -= covered
    np.maximum(added, 0, out=added)
    added *= weights
    return np.asarray(added.sum(axis=1))
