"""Logistic regression drawn to the class prototypes, solved to convergence: no epochs, no learning rate, no seed.

W minimises Σ_i w_i·CE(W z_i, y_i) + λ/2·‖W - s·P‖²_F over the classes that have a labelled sample, without a bias. P_c
is the unit-length mean of class c's samples. With few labels W is close to a classifier by nearest prototypes, with
many it is the ordinary regularised logistic regression.

Source: multinomial logistic regression; prototypes as in Snell et al., NeurIPS 2017; drawing the weights to them takes
the place of the usual draw to 0 (biased regularisation, Kuzborskij and Orabona, ICML 2013). Byrd et al., 1995, L-BFGS.
Cost: iterations × L·r·C multiply-adds in float64 on one core, r = min(L, d), after decomposing one r × r matrix.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize
from threadpoolctl import ThreadpoolController

Doubles = npt.NDArray[np.float64]

CURVATURE = 0.05
"""p·(1 - p) of a sample that the model is fairly sure of, by which directions are scaled before they are searched."""

ITERATIONS = 1000
TOLERANCE = 1e-6
"""Largest entry of the gradient, in the scaled directions, at which the search ends."""

NEGLIGIBLE = 1e-3
"""A gradient that rounding errors keep the search from lowering counts as converged below this."""

_LIBRARIES = ThreadpoolController()
"""Those of numpy and of SciPy, each of which brings its own linear algebra."""


@dataclass(frozen=True)
class Solution:
    """The weights, and how they were found.

    Attributes:
        weight: float64 (C, d); 0 for classes without a sample.
        present: bool (C,), the classes that have one, or a prior.
        loss: mean cross-entropy of the samples, weighted.
        iterations: of L-BFGS.
        converged: whether the gradient vanishes, as it does but for a vanishing strength.
    """

    weight: Doubles
    present: npt.NDArray[np.bool_]
    loss: float
    iterations: int
    converged: bool


def fit_logistic_regression(
    vectors: Doubles,
    classes: npt.NDArray[np.integer],
    count: int,
    strength: float = 0.1,
    scale: float = 8.0,
    sample_weights: Doubles | None = None,
    prior: Doubles | None = None,
) -> Solution:
    """The weights that minimise the loss: the same bytes for any number of cores.

    Args:
        vectors: z, float64 (L, d), L ≥ 1, of unit length.
        classes: class indices (L,), from 0 to count - 1.
        count: C.
        strength: λ, above 0: how strongly the weights are drawn to the prototypes.
        scale: s, the length of what they are drawn to.
        sample_weights: w, (L,) above 0; a sample of weight 2 counts as two. None for 1 each.
        prior: (C, d), added to each class's sum of vectors in its prototype; a class with a row other than 0 counts as
            one that has a sample. None for none.
    """
    weights = np.ones(len(classes)) if sample_weights is None else np.asarray(sample_weights, dtype=np.float64)
    present, targets = np.unique(classes, return_inverse=True)
    if prior is not None:
        present = np.union1d(present, np.flatnonzero(prior.any(axis=1)))
        targets, prior = np.searchsorted(present, classes), prior[present]
    found = np.zeros((count, vectors.shape[1]))
    occurs = np.zeros(count, np.bool_)
    occurs[present] = True
    with _LIBRARIES.limit(limits=1, user_api="blas"):
        drawn_to = scale * class_prototypes(vectors, targets, len(present), weights, prior)
        if len(present) == 1:
            found[present] = drawn_to
            return Solution(found, occurs, loss=0.0, iterations=0, converged=True)
        directions = _directions(vectors, weights, strength)
        objective = _Objective(vectors @ directions, vectors @ drawn_to.T, targets, weights, strength, directions)
        result = scipy.optimize.minimize(
            objective,
            np.zeros(len(present) * directions.shape[1]),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": ITERATIONS, "maxfun": 2 * ITERATIONS, "gtol": TOLERANCE, "ftol": 0.0, "maxcor": 20},
        )
        moves = result.x.reshape(len(present), -1)
        found[present] = drawn_to + moves @ directions.T
        loss = objective.cross_entropy(moves) / weights.sum()
    return Solution(found, occurs, float(loss), int(result.nit), bool(np.abs(result.jac).max() <= NEGLIGIBLE))


def class_prototypes(
    vectors: Doubles,
    targets: npt.NDArray[np.integer],
    count: int,
    weights: Doubles,
    prior: Doubles | None = None,
) -> Doubles:
    """The weighted mean of each class's vectors, made unit length: (L, d), (L,), C, (L,) → (C, d).

    With a prior (C, d) that is added to the weighted sums first. The prototype of a class whose vectors cancel each
    other out, or that has none, is 0.
    """
    membership = np.zeros((count, len(targets)))
    membership[targets, np.arange(len(targets))] = weights
    sums = membership @ vectors
    if prior is not None:
        sums += prior
    length = np.sqrt(np.einsum("cd,cd->c", sums, sums))[:, None]
    prototypes: Doubles = np.divide(sums, length, out=np.zeros_like(sums), where=length > 0)
    return prototypes


def balanced_weights(classes: npt.NDArray[np.integer]) -> Doubles:
    """Weights that give every class that occurs the same total, and add up to L: (L,) → float64 (L,)."""
    _, targets, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    return np.asarray(len(classes) / (len(sizes) * sizes[targets]), dtype=np.float64)


def _directions(vectors: Doubles, weights: Doubles, strength: float) -> Doubles:
    """Directions of the weights along which the loss is about equally curved: (d, r), r = min(L, d).

    Only directions that the vectors span can lower the loss. They are the principal ones, each divided by the square
    root of a bound on its curvature.
    """
    span = None
    if len(vectors) < vectors.shape[1]:
        span, triangle = np.linalg.qr(vectors.T)
        vectors = triangle.T
    spread, principal = np.linalg.eigh((vectors * weights[:, None]).T @ vectors)
    principal /= np.sqrt(CURVATURE * np.maximum(spread, 0) + strength)
    directions: Doubles = principal if span is None else span @ principal
    return directions


class _Objective:
    """The loss as a function of how far the weights move from the prototypes, (C, r) along the directions."""

    def __init__(
        self,
        coordinates: Doubles,
        logits: Doubles,
        targets: npt.NDArray[np.integer],
        weights: Doubles,
        strength: float,
        directions: Doubles,
    ) -> None:
        self._coordinates = np.ascontiguousarray(coordinates.T)
        self._logits = np.ascontiguousarray(logits.T)
        self._targets, self._columns = targets, np.arange(len(targets))
        self._weights, self._strength = weights, strength
        self._lengths = np.einsum("dr,dr->r", directions, directions)

    def __call__(self, flat: Doubles) -> tuple[float, Doubles]:
        """The loss and its gradient, flat as L-BFGS has them."""
        moves = flat.reshape(len(self._logits), -1)
        loss, residuals = self._residuals(moves)
        penalty = self._strength * self._lengths * moves
        gradient = residuals @ self._coordinates.T + penalty
        return loss + float(np.vdot(penalty, moves)) / 2, gradient.ravel()

    def cross_entropy(self, moves: Doubles) -> float:
        """The weighted sum over the samples."""
        return self._residuals(moves)[0]

    def _residuals(self, moves: Doubles) -> tuple[float, Doubles]:
        """The loss without the penalty, and its derivative by the logits, w·(p - onehot): (C, L)."""
        values = moves @ self._coordinates
        values += self._logits
        values -= values.max(axis=0)
        of_class = values[self._targets, self._columns]
        np.exp(values, out=values)
        total = values.sum(axis=0)
        loss = float(self._weights @ (np.log(total) - of_class))
        values *= self._weights / total
        values[self._targets, self._columns] -= self._weights
        return loss, values
