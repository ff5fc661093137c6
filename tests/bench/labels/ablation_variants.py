"""What is varied about the default method: the space, the head, the kernel, and what the query looks at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.core.models.uncertainty import entropy, margin
from labelcycle.components.select.clustering import cluster_picks
from labelcycle.components.select.standardised import standardised as points_of
from labelcycle.components.train_adapter.learning_from_pool import MOST_UNLABELLED, uses_pool
from labelcycle.components.train_adapter.logistic_regression import Solution, fit_logistic_regression
from labelcycle.components.train_adapter.logistic_training import Learner
from labelcycle.pipelines.backtest.labelled_history import Labelled
from tests.bench.labels.methods import default_recipe

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

STRENGTHS = (0.02, 0.05, 0.2)
FOLDS = 3
TARGETS, CANDIDATES = 4000, 1000
PSEUDO_WEIGHT = 0.3
"""What all pseudo-labels together count, against the true labels."""

HEADS = 5
"""Of an ensemble."""


@dataclass(frozen=True)
class Known:
    """What there is to learn from.

    Attributes:
        pool: z of the pool, (N, d).
        rows: labelled rows of the pool, (L,).
        classes: of the labelled rows, (L,).
        count: C.
        random: the source of whatever is random.
    """

    pool: Floats
    rows: Rows
    classes: Rows
    count: int
    random: np.random.Generator

    @property
    def labelled(self) -> Doubles:
        """z of the labelled rows."""
        return self.pool[self.rows].astype(np.float64)


@dataclass(frozen=True)
class Weights:
    """A linear head on z; bias is -inf for classes without a label."""

    weight: Floats
    bias: Floats

    def logits(self, points: Floats) -> Floats:
        """(N, C)."""
        found: Floats = points @ self.weight.T + self.bias
        return found

    def probabilities(self, points: Floats) -> Floats:
        """(N, C)."""
        found: Floats = softmax(self.logits(points), axis=1)
        return found


Space = Callable[[Floats, Floats], tuple[Floats, Floats]]
Fit = Callable[[Known], Weights]
Uncertain = Callable[[Known, Weights], Floats]
Kernel = Callable[[Floats, float], Floats]


def standardised(pool: Floats, test: Floats) -> tuple[Floats, Floats]:
    """z of the default."""
    return whitened(0.0)(pool, test)


def centred(pool: Floats, test: Floats) -> tuple[Floats, Floats]:
    """z without division by the deviations."""
    mean = pool.mean(axis=0)
    return unit(pool - mean), unit(test - mean)


def whitened(share: float) -> Space:
    """Standardised, and whitened by this share: the covariance drawn to the identity, 0 leaves it, 1 takes all."""

    def of(pool: Floats, test: Floats) -> tuple[Floats, Floats]:
        mean, deviation = pool.mean(axis=0), pool.std(axis=0)
        factor = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        pool, test = (pool - mean) * factor, (test - mean) * factor
        if share:
            spread, axes = np.linalg.eigh(pool.T @ pool / len(pool))
            axes = axes / np.sqrt(1 - share + share * np.maximum(spread, 0) + 1e-6)
            pool, test = pool @ axes, test @ axes
        return unit(pool), unit(test)

    return of


def unit(points: Floats) -> Floats:
    """Rows of length 1."""
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return np.divide(points, length, out=np.zeros_like(points), where=length > 0)


@cache
def default_trainer() -> LogisticTrainer:
    """The trainer of the default recipe."""
    trainer = default_recipe().trainer
    assert isinstance(trainer, LogisticTrainer)
    return trainer


def regression(**settings: Any) -> Fit:
    """The head of the default recipe, but for these settings of the trainer."""
    trainer = default_trainer().model_copy(update=settings)

    def fit(known: Known) -> Weights:
        others = np.setdiff1d(np.arange(len(known.pool)), known.rows) if uses_pool(trainer, len(known.rows)) else []
        unlabelled = known.pool[others[:MOST_UNLABELLED]].astype(np.float64) if len(others) else known.labelled[:0]
        learner = Learner(known.labelled, known.classes, known.count, trainer, unlabelled)
        return _weights(learner.solve(np.arange(len(known.rows))))

    return fit


def constant_strength(strength: float) -> Fit:
    """The head of the default recipe, but for a prior of one strength for any number of labels."""
    return regression(strength=strength, strength_growth=0.0)


def _fit(
    points: Doubles,
    classes: Rows,
    count: int,
    labels: int,
    strength: float | None = None,
    weights: Doubles | None = None,
) -> Weights:
    """The head without the unlabelled pool, whose prior is that of so many labels, or has a strength of its own."""
    trainer = default_trainer()
    strength = strength or trainer.strength_of(labels)
    return _weights(fit_logistic_regression(points, classes, count, strength, trainer.scale_of(count), weights))


def _weights(found: Solution) -> Weights:
    return Weights(found.weight.astype(np.float32), np.where(found.present, 0, -np.inf).astype(np.float32))


def cross_validated(known: Known) -> Weights:
    """The strength of largest cross-validated likelihood, among three; below two labels a class as ever."""
    points, classes = known.labelled, known.classes
    if len(classes) < 2 * known.count:
        return regression()(known)
    fold = np.empty(len(classes), np.int64)
    order = np.argsort(classes, kind="stable")
    fold[order] = np.arange(len(classes)) % FOLDS
    losses = []
    for strength in STRENGTHS:
        loss = 0.0
        for left_out in range(FOLDS):
            kept = fold != left_out
            head = _fit(points[kept], classes[kept], known.count, len(classes), strength)
            found = head.probabilities(points[~kept].astype(np.float32))
            loss -= float(np.log(np.maximum(found[np.arange(len(found)), classes[~kept]], 1e-3)).sum())
        losses.append(loss)
    return constant_strength(STRENGTHS[int(np.argmin(losses))])(known)


def with_pseudo_labels(known: Known) -> Weights:
    """In place of spreading: the surest half of the pool whose prediction is that of the nearest labelled sample."""
    head = _fit(known.labelled, known.classes, known.count, len(known.rows))
    found = head.probabilities(known.pool)
    predicted = found.argmax(axis=1)
    agree = np.flatnonzero(predicted == known.classes[(known.pool @ known.pool[known.rows].T).argmax(axis=1)])
    sure = np.asarray(margin(found[agree]))
    return _with_pseudo(known, agree[sure >= np.median(sure)], predicted)


def _with_pseudo(known: Known, rows: Rows, predicted: Rows) -> Weights:
    rows = np.setdiff1d(rows, known.rows)
    if not len(rows):
        return _fit(known.labelled, known.classes, known.count, len(known.rows))
    weights = np.r_[np.ones(len(known.rows)), np.full(len(rows), PSEUDO_WEIGHT * len(known.rows) / len(rows))]
    points = np.concatenate([known.labelled, known.pool[rows].astype(np.float64)])
    classes = np.concatenate([known.classes, predicted[rows]])
    return _fit(points, classes, known.count, len(known.rows), weights=weights)


def by_margin(known: Known, head: Weights) -> Floats:
    """One less margin."""
    return 1 - np.asarray(margin(head.probabilities(known.pool)), np.float32)


def by_confidence(known: Known, head: Weights) -> Floats:
    """One less the largest probability."""
    return 1 - head.probabilities(known.pool).max(axis=1)


def by_entropy(known: Known, head: Weights) -> Floats:
    """Entropy, as a share of the largest that there is."""
    return np.asarray(entropy(head.probabilities(known.pool)), np.float32) / np.float32(np.log(known.count))


def by_ensemble(known: Known, head: Weights) -> Floats:
    """One less margin of the mean of five heads, each fitted with labels weighted at random (Bayesian bootstrap)."""
    mean = np.zeros((len(known.pool), known.count), np.float32)
    for _ in range(HEADS):
        weights = known.random.exponential(size=len(known.rows))
        head = _fit(known.labelled, known.classes, known.count, len(known.rows), weights=weights)
        mean += head.probabilities(known.pool) / HEADS
    return 1 - np.asarray(margin(mean), np.float32)


def by_balance(known: Known, head: Weights) -> Floats:
    """One less margin, by the root of how few labels the predicted class has."""
    labels = np.bincount(known.classes, minlength=known.count)
    few = (labels.mean() / (labels + 1)) ** 0.5
    found: Floats = by_margin(known, head) * few[head.logits(known.pool).argmax(axis=1)].astype(np.float32)
    return found


def median_width(nearest: Floats) -> float:
    """σ of the default, of distances to the nearest other labelled sample."""
    return float(np.median(nearest))


def gaussian(squared: Floats, width: float) -> Floats:
    """exp(-‖x - y‖² / 2σ²)."""
    found: Floats = np.exp(squared * np.float32(-0.5 / width**2))
    return found


def laplace(squared: Floats, width: float) -> Floats:
    """exp(-‖x - y‖ / σ)."""
    found: Floats = np.exp(np.sqrt(np.maximum(squared, 0)) * np.float32(-1 / width))
    return found


def standardised_centroids(pool: Labelled, budget: int, seed: int) -> Rows:
    """A first query of k-means centroids of standardised features, where the default's are not standardised."""
    return cluster_picks(points_of(pool.features)[0], pool.ids, budget, (seed, "standardised centroids")).rows


@dataclass(frozen=True)
class Variant:
    """The default method but for what is given.

    Attributes:
        space: raw features of pool and test → z.
        fit: the head.
        uncertain: what coverage counts as.
        width: distances to the nearest other labelled sample → σ.
        kernel: of squared distances and σ.
        rounds: parts of a query; after each the head is fitted with its own predictions for what was picked.
        start: pool, budget and seed → the first query; None for that of the default recipe.
    """

    space: Space = standardised
    fit: Fit = field(default_factory=regression)
    uncertain: Uncertain = by_margin
    width: Callable[[Floats], float] = median_width
    kernel: Kernel = gaussian
    rounds: int = 1
    start: Callable[[Labelled, int, int], Rows] | None = None


VARIANTS = {
    "default": Variant(),
    "without the unlabelled pool": Variant(fit=regression(unlabelled="none")),
    "pool counts half as much": Variant(
        fit=regression(unlabelled_weight=2.0, unlabelled_most=10.0, unlabelled_each=0.05)
    ),
    "pool counts twice as much": Variant(
        fit=regression(unlabelled_weight=8.0, unlabelled_most=40.0, unlabelled_each=0.2)
    ),
    "pseudo-labels by agreement": Variant(fit=with_pseudo_labels),
    "scale 8": Variant(fit=regression(scale=8.0)),
    "scale 0, no prototypes": Variant(fit=regression(scale=0.0)),
    "strength 0.0125, constant": Variant(fit=constant_strength(0.0125)),
    "strength 0.05, constant": Variant(fit=constant_strength(0.05)),
    "strength 0.15, constant": Variant(fit=constant_strength(0.15)),
    "strength by the root of labels": Variant(fit=regression(strength_growth=0.5)),
    "strength cross-validated": Variant(fit=cross_validated),
    "centred, not standardised": Variant(space=centred),
    "whitened by 0.1": Variant(space=whitened(0.1)),
    "σ of the nearest pair": Variant(width=lambda nearest: max(float(nearest.min()), 1e-2)),
    "1.25 σ": Variant(width=lambda nearest: 1.25 * median_width(nearest)),
    "Laplace kernel": Variant(kernel=laplace),
    "u = 1 - p₁": Variant(uncertain=by_confidence),
    "u = entropy": Variant(uncertain=by_entropy),
    "u of five heads": Variant(uncertain=by_ensemble),
    "u by labels of the class": Variant(uncertain=by_balance),
    "query in two, own predictions between": Variant(rounds=2),
    "standardised centroids first": Variant(start=standardised_centroids),
}
"""By name; the first is what the others are compared with."""
