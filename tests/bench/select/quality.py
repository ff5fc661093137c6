"""How good a query is: against the exact answer where there is one, else by what the strategy aims at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.models.dropout import disagreements
from labelcycle.components.core.models.uncertainty import entropy
from labelcycle.components.select.kernel_coverage import bandwidth_of
from labelcycle.components.select.standardised import standardised
from tests.bench.select.data import Pool

Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

ROUNDING = 1e-6
"""What float32 cannot tell apart: picks so near to the best are as good."""

COVER_RADIUS = 0.8
"""Near the radius that ProbCover finds on these pools."""


@dataclass(frozen=True)
class Quality:
    """A measure of picks.

    Attributes:
        name: what the number is.
        of: pool, picks → number.
        least: what a correct query reaches, in absolute terms.
        most_of_best: what a correct query does not exceed, as a multiple of the smallest number of all.
    """

    name: str
    of: Callable[[Pool, Rows], float]
    least: float | None = None
    most_of_best: float | None = None

    def accepts(self, value: float, values: Sequence[float]) -> bool:
        """Whether a query of this value is correct, among queries of these values."""
        return (self.least is None or value >= self.least) and (
            self.most_of_best is None or value <= self.most_of_best * min(values)
        )


def share_of_best(score: Callable[[Doubles], Doubles]) -> Callable[[Pool, Rows], float]:
    """The share of picks that are among the B of largest score, ties included."""

    def of(pool: Pool, rows: Rows) -> float:
        scores = score(pool.probs.astype(np.float64))
        worst = np.partition(scores, -pool.setting.budget)[-pool.setting.budget]
        return float((scores[rows] >= worst - ROUNDING).mean())

    return of


def furthest_first_share(pool: Pool, rows: Rows) -> float:
    """The share of picks, from the first on, that exact furthest-first traversal in float64 allows for."""
    points, labelled = pool.features.astype(np.float64), pool.labelled.astype(np.float64)
    norms = np.einsum("nd,nd->n", points, points)

    def squared(centres: Doubles) -> Doubles:
        return np.asarray((norms[:, None] + (centres**2).sum(axis=1) - 2 * points @ centres.T).min(axis=1))

    nearest = squared(labelled)
    for agreed, row in enumerate(rows):
        if nearest[row] < nearest.max() * (1 - ROUNDING):
            return agreed / len(rows)
        np.minimum(nearest, squared(points[[row]]), out=nearest)
        nearest[rows[: agreed + 1]] = -1
    return 1.0


def gradient_potential(pool: Pool, rows: Rows) -> float:
    """Mean squared distance of all gradient embeddings to the nearest picked one, from their factors."""
    residuals = pool.probs.astype(np.float64)
    residuals[np.arange(len(residuals)), residuals.argmax(axis=1)] -= 1
    points = pool.features.astype(np.float64)
    norms = (residuals**2).sum(axis=1) * (points**2).sum(axis=1)
    products = (residuals @ residuals[rows].T) * (points @ points[rows].T)
    return float(np.maximum(norms[:, None] + norms[rows] - 2 * products, 0).min(axis=1).mean())


def potential(pool: Pool, rows: Rows) -> float:
    """Mean squared distance of all samples, at length 1, to the nearest pick."""
    points = _unit(pool.features)
    return float((2 - 2 * (points @ points[rows].T).max(axis=1)).mean())


def neighbour_distance(pool: Pool, rows: Rows) -> float:
    """Mean distance of the picks, at length 1, to their 20 nearest neighbours in the pool."""
    points = _unit(pool.features)
    products = np.partition(points[rows] @ points.T, -21, axis=1)[:, -21:]
    return float(np.sqrt(np.maximum(2 - 2 * products, 0)).sum() / (20 * len(rows)))


def covered_share(pool: Pool, rows: Rows) -> float:
    """The share of the pool within the radius of a pick or a labelled sample, at length 1."""
    points = _unit(pool.features)
    centres = np.concatenate([points[rows], _unit(pool.labelled)])
    return float(((points @ centres.T).max(axis=1) >= 1 - COVER_RADIUS**2 / 2).mean())


def herded(pool: Pool, rows: Rows) -> float:
    """Mean kernel value of all samples with the nearest labelled sample or pick, under the kernel of MaxHerding."""
    points, labelled = standardised(pool.features, pool.labelled)
    everything = points.read(slice(0, None)).astype(np.float64)
    known = labelled.read(slice(0, None)).astype(np.float64)
    nearest = 2 - 2 * (everything @ np.concatenate([everything[rows], known]).T).max(axis=1)
    return float(np.exp(-nearest / (2 * bandwidth_of(labelled) ** 2)).mean())


def disagreement(pool: Pool, rows: Rows) -> float:
    """The share of 50 passes with other dropout masks that predict another class, mean over the picks."""
    ids = pool.candidates.ids[rows]
    return float(disagreements(pool.head, pool.features[rows], ids, 99, 99, 50).mean() / 50)


def _unit(features: npt.NDArray[np.floating]) -> Doubles:
    points = features.astype(np.float64)
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True))


def _margin(probs: Doubles) -> Doubles:
    best = np.partition(probs, -2, axis=1)
    return np.asarray(best[:, -2] - best[:, -1])


QUALITY = {
    "confidence": Quality("exact", share_of_best(lambda probs: -probs.max(axis=1)), least=1),
    "margin": Quality("exact", share_of_best(_margin), least=1),
    "entropy": Quality("exact", share_of_best(lambda probs: np.asarray(entropy(probs))), least=1),
    "coreset": Quality("exact", furthest_first_share, least=1),
    "badge": Quality("potential", gradient_potential, most_of_best=1.1),
    "kmeans": Quality("potential", potential, most_of_best=1.03),
    "typiclust": Quality("neighbours at", neighbour_distance),
    "probcover": Quality("covered", covered_share),
    "maxherding": Quality("coverage", herded),
    "dropquery": Quality("disagreement", disagreement),
}
