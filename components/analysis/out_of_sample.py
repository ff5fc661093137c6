"""Class probabilities of labelled samples from a simple model that has not seen them: logistic regression in folds.

The folds follow from the ids, so that the result is the same for any order of rows.
"""

import warnings

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from labelcycle.components.core.features.ordering import keyed_order

FOLDS = 5
ITERATIONS = 100
LEAST_DEVIATION = 1e-6
LEAST_PROBABILITY = 1e-12
LOG_TEMPERATURES = (-3.0, 3.0)
INVERSE_REGULARISATION = 0.1
"""Stronger than usual, so that a few wrong labels do not bend the model."""


def out_of_sample_probabilities(
    ids: npt.NDArray[np.str_],
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.int64],
    classes: int,
    folds: int = FOLDS,
    fold: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.float64]:
    """Class probabilities of each sample, from a logistic regression on the samples of the other folds.

    A sample's fold follows from the ids of its class alone, so the result is the same for any order of rows, up to
    floating-point sums. Each fold has its share of every class; a class that lacks from the other folds has
    probability 0.

    Args:
        ids: N distinct sample ids.
        features: (N, d).
        labels: class indices, (N,); two classes at least have two samples or more.
        classes: C, how many classes there are.
        folds: parts that the samples are divided into, from 2.
        fold: the part of each sample, (N,); None for those of `assign_folds`. The others of each hold two classes.

    Returns:
        float64, (N, C); rows sum to 1.

    Raises:
        ValueError: fewer than two classes have two samples or more.

    Cost: about folds · 25 passes of O(N·d·C).
    """
    if (np.bincount(labels, minlength=classes) >= 2).sum() < 2:
        raise ValueError("cross-validation needs two classes with two samples or more")
    order = np.argsort(ids)
    rows, truth = features[order].astype(np.float64), labels[order]
    fold = assign_folds(ids[order], truth, folds) if fold is None else fold[order]
    found = np.zeros((len(ids), classes))
    for number in np.unique(fold):
        held_out = fold == number
        known, columns = _fitted(rows[~held_out], truth[~held_out], rows[held_out])
        found[np.ix_(np.flatnonzero(held_out), columns)] = known
    result = np.empty_like(found)
    result[order] = found
    return result


def calibrated(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Probabilities at the one temperature at which the labels are likeliest.

    Args:
        probabilities: of samples that the model has not seen, (N, C).
        labels: their class indices, (N,).

    Returns:
        float64, (N, C); rows sum to 1.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    logits = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))

    def at(log_temperature: float) -> npt.NDArray[np.float64]:
        scaled = logits / np.exp(log_temperature)
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def loss(log_temperature: float) -> float:
        own = at(log_temperature)[np.arange(len(labels)), labels]
        return -float(np.log(np.maximum(own, LEAST_PROBABILITY)).mean())

    return at(float(minimize_scalar(loss, bounds=LOG_TEMPERATURES, method="bounded").x))


def assign_folds(ids: npt.NDArray[np.str_], labels: npt.NDArray[np.int64], folds: int) -> npt.NDArray[np.int64]:
    """The fold of each sample: those of a class, in a random order by id, are dealt out in turn, class after class."""
    result = np.empty(len(ids), np.int64)
    keys = keyed_order(ids, "fold")
    dealt = 0
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = members[np.argsort(keys[members], kind="stable")]
        result[members] = (dealt + np.arange(len(members))) % folds
        dealt += len(members)
    return result


def _fitted(
    features: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], others: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Probabilities of `others`, and the classes that their columns stand for."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean = features.mean(axis=0)
    deviation = np.maximum(features.std(axis=0), LEAST_DEVIATION)
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=ITERATIONS).fit(
            (features - mean) / deviation, labels
        )
    probabilities: npt.NDArray[np.float64] = model.predict_proba((others - mean) / deviation)
    columns: npt.NDArray[np.int64] = model.classes_
    return probabilities, columns
