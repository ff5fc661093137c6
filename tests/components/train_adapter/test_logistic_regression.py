"""Logistic regression drawn to the class prototypes, against the textbook's dense form and scikit-learn."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.optimize
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_sample_weight

from labelcycle.components.train_adapter.logistic_regression import (
    balanced_weights,
    class_prototypes,
    fit_logistic_regression,
)


def samples(rows: int, width: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of unit length around centres, and their classes, every class at least once where there are enough."""
    generator = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(min(rows, classes)), generator.integers(0, classes, max(0, rows - classes))])
    vectors = generator.normal(size=(rows, width)) + 1.5 * generator.normal(size=(classes, width))[targets]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), targets


def dense_loss(
    flat: np.ndarray, vectors: np.ndarray, onehot: np.ndarray, drawn_to: np.ndarray, strength: float
) -> float:
    """Σ CE(W z, y) + λ/2·‖W - sP‖², as it is written."""
    weight = flat.reshape(drawn_to.shape)
    logits = vectors @ weight.T
    likelihood = np.log(np.exp(logits).sum(axis=1)) - (logits * onehot).sum(axis=1)
    return float(likelihood.sum() + strength / 2 * ((weight - drawn_to) ** 2).sum())


@pytest.mark.parametrize(("rows", "width", "classes"), [(12, 5, 3), (40, 6, 4), (6, 9, 3)])
@pytest.mark.parametrize(("strength", "scale"), [(0.1, 8.0), (1.0, 2.0)])
def test_it_is_the_minimum_of_the_textbooks_loss(rows, width, classes, strength, scale):
    vectors, targets = samples(rows, width, classes)
    prototypes = np.stack([vectors[targets == number].mean(axis=0) for number in range(classes)])
    prototypes /= np.linalg.norm(prototypes, axis=1, keepdims=True)
    expected = scipy.optimize.minimize(
        dense_loss,
        np.zeros(classes * width),
        (vectors, np.eye(classes)[targets], scale * prototypes, strength),
        method="BFGS",
        options={"gtol": 1e-5},
    )
    found = fit_logistic_regression(vectors, targets, classes, strength, scale)
    assert found.converged and found.present.all()
    assert np.allclose(found.weight, expected.x.reshape(classes, width), atol=1e-4)


@pytest.mark.parametrize(("rows", "width", "classes"), [(300, 20, 5), (30, 64, 5), (5000, 24, 10)])
def test_drawn_to_0_it_is_that_of_scikit_learn(rows, width, classes):
    vectors, targets = samples(rows, width, classes)
    peer = LogisticRegression(C=10.0, fit_intercept=False, tol=1e-10, max_iter=5000).fit(vectors, targets)
    found = fit_logistic_regression(vectors, targets, classes, strength=0.1, scale=0.0)
    assert np.allclose(found.weight, peer.coef_, atol=1e-4)


def test_class_weights_are_those_of_scikit_learn():
    vectors, targets = samples(200, 12, 4)
    weights = compute_sample_weight("balanced", targets)
    assert np.allclose(balanced_weights(targets), weights)
    peer = LogisticRegression(C=10.0, fit_intercept=False, tol=1e-10, max_iter=5000, class_weight="balanced")
    found = fit_logistic_regression(vectors, targets, 4, 0.1, 0.0, balanced_weights(targets))
    assert np.allclose(found.weight, peer.fit(vectors, targets).coef_, atol=1e-4)


def test_a_sample_of_weight_2_counts_as_two():
    vectors, targets = samples(20, 7, 3)
    weights = np.ones(20)
    weights[4] = 2
    heavy = fit_logistic_regression(vectors, targets, 3, sample_weights=weights)
    twice = fit_logistic_regression(np.vstack([vectors, vectors[4:5]]), np.append(targets, targets[4]), 3)
    assert np.allclose(heavy.weight, twice.weight, atol=1e-5)


def test_without_pull_of_the_samples_it_is_the_nearest_prototype():
    vectors, targets = samples(30, 6, 3)
    found = fit_logistic_regression(vectors, targets, 3, strength=1e9)
    assert np.allclose(found.weight, 8 * class_prototypes(vectors, targets, 3, np.ones(30)), atol=1e-6)


def test_one_class_so_far():
    vectors, _ = samples(3, 5, 1)
    found = fit_logistic_regression(vectors, np.full(3, 2), 4)
    assert found.present.tolist() == [False, False, True, False] and found.converged and found.loss == 0
    assert np.allclose(np.linalg.norm(found.weight, axis=1), [0, 0, 8, 0])


def test_more_classes_than_labels():
    vectors, _ = samples(3, 5, 3)
    found = fit_logistic_regression(vectors, np.array([7, 90, 41]), 100)
    assert np.flatnonzero(found.present).tolist() == [7, 41, 90]
    assert not found.weight[~found.present].any() and np.isfinite(found.weight).all()
    assert (vectors @ found.weight.T).argmax(axis=1).tolist() == [7, 90, 41]


@pytest.mark.parametrize("width", [4, 40])
def test_duplicates_and_contradictions(width):
    """The same sample many times over, once with another class: as many times likelier as it was told."""
    vectors = np.tile(samples(1, width, 1)[0], (12, 1))
    found = fit_logistic_regression(vectors, np.array([0] * 9 + [1] * 3), 2, strength=1e-3)
    logits = vectors[0] @ found.weight.T
    assert found.converged and np.exp(logits[0] - logits[1]) == pytest.approx(3, rel=1e-2)


def test_vectors_of_0():
    """Samples that are the mean itself, alone or in a class of their own."""
    vectors, targets = samples(6, 4, 2)
    vectors[targets == 1] = 0
    found = fit_logistic_regression(vectors, targets, 2)
    assert found.converged and np.isfinite(found.weight).all()
    nothing = fit_logistic_regression(np.zeros((4, 3)), np.array([0, 0, 1, 1]), 2)
    assert not nothing.weight.any()


def test_the_order_of_rows_hardly_matters():
    vectors, targets = samples(200, 12, 4)
    order = np.random.default_rng(3).permutation(200)
    found = [fit_logistic_regression(vectors[rows], targets[rows], 4).weight for rows in (np.arange(200), order)]
    assert np.allclose(*found, atol=1e-5)


def test_a_vanishing_strength_is_no_error():
    vectors, targets = samples(40, 20, 4)
    found = fit_logistic_regression(vectors, targets, 4, strength=1e-250)
    assert np.isfinite(found.weight).all()


def test_the_bytes_are_the_same_for_any_number_of_threads():
    """Wide enough that linear algebra would use several."""
    code = (
        "import hashlib, numpy as np; from labelcycle.components.train_adapter import logistic_regression as it; "
        "g = np.random.default_rng(0); v = g.normal(size=(3000, 256)); v /= np.linalg.norm(v, axis=1)[:, None]; "
        "w = it.fit_logistic_regression(v, g.integers(0, 60, 3000), 60, strength=1.0).weight; "
        "print(hashlib.sha256(w.tobytes()).hexdigest())"
    )
    told = set()
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, threads)
        run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stderr
        told.add(run.stdout)
    assert len(told) == 1
