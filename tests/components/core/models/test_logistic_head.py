"""The head of logistic regression at inference."""

import numpy as np
import pytest

from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.models.head import LinearHead
from labelcycle.components.core.models.heads import LogisticHead, read_head, unit_standardised
from labelcycle.components.core.models.uncertainty import cross_entropy, entropy, margin

WIDTH, CLASSES = 6, 4


@pytest.fixture
def head() -> LogisticHead:
    """Its last dimension is constant in the pool, and its last class has no label."""
    generator = np.random.default_rng(0)
    deviation = generator.uniform(0.5, 2, WIDTH).astype(np.float32)
    deviation[-1] = 0
    weight = generator.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    weight[-1] = 0
    bias = np.array([0, 0, 0, -np.inf], np.float32)
    return LogisticHead(generator.normal(size=WIDTH).astype(np.float32), deviation, weight, bias)


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(5000, WIDTH)).astype(np.float16)


def test_it_is_the_formula(head: LogisticHead, features: np.ndarray) -> None:
    z = (features.astype(np.float64) - head.mean)[:, :-1] / head.deviation[:-1]
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    hidden = head.hidden_features(features)
    assert hidden.dtype == np.float32 and np.allclose(hidden[:, :-1], z, atol=1e-6) and not hidden[:, -1].any()
    logits = z @ head.weight[:3, :-1].T
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(head.probabilities(features)[:, :3], expected, atol=1e-6)


def test_a_class_without_a_label_has_probability_0_and_harms_no_uncertainty(
    head: LogisticHead, features: np.ndarray
) -> None:
    probabilities = head.probabilities(features)
    assert (probabilities[:, 3] == 0).all() and np.allclose(probabilities.sum(axis=1), 1)
    three = np.ascontiguousarray(probabilities[:, :3])
    assert np.allclose(entropy(probabilities), entropy(three)) and np.array_equal(margin(probabilities), margin(three))
    assert np.isfinite(cross_entropy(probabilities, np.full(len(features), 3))).all()


def test_the_mean_itself_is_undecided(head: LogisticHead) -> None:
    assert np.allclose(head.probabilities(head.mean[None]), [[1 / 3, 1 / 3, 1 / 3, 0]])


def test_the_last_layer_on_hidden_features_is_the_whole(head: LogisticHead, features: np.ndarray) -> None:
    assert isinstance(head.last, LinearHead)
    last = head.last.probabilities(head.hidden_features(features))
    assert np.allclose(last, head.probabilities(features), atol=1e-6)


def test_features_stay_as_they_are(head: LogisticHead, features: np.ndarray) -> None:
    single = features.astype(np.float32)
    before = single.copy()
    head.probabilities(single)
    assert np.array_equal(single, before)


def test_values_keep_their_type() -> None:
    values = np.array([[3.0, 5.0]])
    one = np.ones(2, np.float32)
    assert np.allclose(unit_standardised(values, 0 * one, one), np.array([[3.0, 5.0]]) / 34**0.5, atol=1e-15)


def test_a_stored_head_is_read_as_its_kind(head: LogisticHead) -> None:
    found = read_head(head.to_bytes())
    assert type(found) is LogisticHead
    assert all(np.array_equal(value, vars(head)[name]) for name, value in vars(found).items())


def test_tensors_that_do_not_fit_are_refused(head: LogisticHead) -> None:
    narrow = LogisticHead(head.mean[:-1], head.deviation, head.weight, head.bias)
    with pytest.raises(CampaignError, match=r"mean has shape \(5,\) instead of \(6,\)"):
        read_head(narrow.to_bytes())
