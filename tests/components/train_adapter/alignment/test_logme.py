"""LogME against the marginal likelihood of a Bayesian regression, from a dense Gaussian."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from labelcycle.components.core.errors import InputError
from labelcycle.components.train_adapter.alignment.logme import evidences, logme

SHAPES = [(200, 10), (40, 40), (30, 60)]


def samples(
    count: int, width: int, classes: int = 3, seed: int = 0, spread: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, count)
    centres = generator.normal(size=(classes, width))
    return centres[truth] + spread * generator.normal(size=(count, width)), truth


def direct(features: np.ndarray, truth: np.ndarray, alpha: float, beta: float) -> float:
    """ln N(y; 0, I/β + FFᵀ/α)/N."""
    covariance = np.eye(len(truth)) / beta + features @ features.T / alpha
    density = scipy.stats.multivariate_normal(np.zeros(len(truth)), covariance)
    return float(density.logpdf(truth.astype(float)) / len(truth))


@pytest.mark.parametrize(("count", "width"), SHAPES)
def test_the_evidence_is_the_marginal_likelihood_at_the_precisions_found(count: int, width: int) -> None:
    features, classes = samples(count, width)
    found = evidences(features, classes, whole_space=True)
    assert len(found) == 3
    for number, evidence in enumerate(found):
        expected = direct(features, classes == number, evidence.alpha, evidence.beta)
        assert evidence.value == pytest.approx(expected, abs=2e-4)
    assert logme(features, classes, whole_space=True) == pytest.approx(np.mean([one.value for one in found]))


@pytest.mark.parametrize(("count", "width"), [(200, 10), (60, 50)])
def test_the_fixed_point_is_a_maximum(count: int, width: int) -> None:
    features, classes = samples(count, width, spread=2.0)
    for number, evidence in enumerate(evidences(features, classes, whole_space=True)):
        best = scipy.optimize.minimize(
            lambda precisions, truth=classes == number: -direct(features, truth, *np.exp(precisions)),
            np.log([evidence.alpha, evidence.beta]),
            method="Nelder-Mead",
        )
        assert evidence.value >= -best.fun - 1e-3
        worse = [
            direct(features, classes == number, evidence.alpha * first, evidence.beta * second)
            for first, second in ((2, 1), (0.5, 1), (1, 1.5), (1, 0.67))
        ]
        assert evidence.value > max(worse)


def by_the_authors_formula(features: np.ndarray, truth: np.ndarray) -> float:
    """The fixed point with every vector written out, in the space of the weights."""
    count, width = features.shape
    alpha = beta = 1.0
    for _ in range(11):
        ratio = alpha / beta
        mean = np.linalg.solve(ratio * np.eye(width) + features.T @ features, features.T @ truth)
        squares = np.linalg.svd(features, compute_uv=False) ** 2
        gamma = (squares / (squares + ratio)).sum()
        residual = ((truth - features @ mean) ** 2).sum()
        alpha, beta = gamma / (mean @ mean + 1e-5), (count - gamma) / (residual + 1e-5)
        if abs(alpha / beta - ratio) / ratio <= 1e-3:
            break
    total = width / 2 * np.log(alpha) + count / 2 * np.log(beta) - np.log(alpha + beta * squares).sum() / 2
    total -= beta / 2 * residual + alpha / 2 * mean @ mean + count / 2 * np.log(2 * np.pi)
    return float(total / count)


@pytest.mark.parametrize(("count", "width"), SHAPES)
def test_the_score_is_that_of_the_authors_formula(count: int, width: int) -> None:
    features, classes = samples(count, width)
    expected = np.mean([by_the_authors_formula(features, (classes == number).astype(float)) for number in range(3)])
    assert logme(features, classes) == pytest.approx(expected, rel=1e-6)


def test_both_forms_differ_by_the_directions_that_features_do_not_span() -> None:
    features, classes = samples(30, 60)
    for first, second in zip(evidences(features, classes), evidences(features, classes, whole_space=True), strict=True):
        assert first.value - second.value == pytest.approx(30 / 2 / 30 * np.log(first.alpha))
    features, classes = samples(200, 10)
    assert logme(features, classes) == logme(features, classes, whole_space=True)


def test_better_separated_classes_score_higher() -> None:
    scores = [logme(*samples(300, 20, spread=spread)) for spread in (0.2, 1.0, 5.0)]
    assert scores[0] > scores[1] > scores[2]


def test_classes_that_do_not_occur_are_left_out() -> None:
    features, classes = samples(100, 8)
    assert logme(features, 5 * classes + 2) == logme(features, classes)


def test_columns_without_variation_are_not_spanned() -> None:
    features, classes = samples(100, 8)
    wider = np.concatenate([features, np.zeros((100, 3)), features[:, :2]], axis=1)
    for number, evidence in enumerate(evidences(wider, classes, whole_space=True)):
        assert evidence.value == pytest.approx(
            direct(wider, classes == number, evidence.alpha, evidence.beta), abs=2e-4
        )


@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("whole_space", [False, True])
def test_degenerate_features_give_a_number(count: int, whole_space: bool) -> None:
    classes = np.arange(count) % 2
    for features in (np.zeros((count, 5)), np.ones((count, 5), np.float16), np.eye(count)):
        assert np.isfinite(logme(features, classes, whole_space=whole_space))
        assert np.isfinite(logme(features, np.zeros(count, int), whole_space=whole_space))


@pytest.mark.parametrize(("count", "classes"), [(0, 0), (3, 2)])
def test_what_does_not_belong_together_is_refused(count: int, classes: int) -> None:
    with pytest.raises(InputError, match=f"got {count} samples and {classes} classes"):
        logme(np.zeros((count, 2)), np.zeros(classes, int))
