"""Cross-validated probabilities: honest about every sample, and the same for any order of rows."""

import numpy as np
import pytest

from labelcycle.components.analysis.out_of_sample import assign_folds, calibrated, out_of_sample_probabilities


def blobs(count: int, classes: int = 3, apart: float = 4.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = np.arange(count) % classes
    features = apart * np.eye(classes, 8)[labels] + generator.normal(size=(count, 8))
    return np.array([f"sample-{row:04d}" for row in range(count)]), features.astype(np.float16), labels


def test_a_label_is_not_seen_by_the_model_that_judges_it() -> None:
    """In more dimensions than samples a model that had seen them would have every random label right."""
    generator = np.random.default_rng(0)
    ids = np.array([f"sample-{row:04d}" for row in range(200)])
    labels = generator.integers(0, 2, 200)
    probabilities = out_of_sample_probabilities(ids, generator.normal(size=(200, 400)), labels, 2)
    assert 0.35 < (probabilities.argmax(axis=1) == labels).mean() < 0.65


def test_other_samples_of_the_class_are_enough_to_know_it() -> None:
    ids, features, labels = blobs(60)
    probabilities = out_of_sample_probabilities(ids, features, labels, 3)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.9
    assert probabilities.sum(axis=1) == pytest.approx(1.0)


def test_the_order_of_rows_does_not_matter() -> None:
    ids, features, labels = blobs(90)
    expected = out_of_sample_probabilities(ids, features, labels, 3)
    order = np.random.default_rng(1).permutation(90)
    found = out_of_sample_probabilities(ids[order], features[order], labels[order], 3)
    assert np.array_equal(found, expected[order])


def test_every_fold_has_its_share_of_every_class() -> None:
    ids, _, labels = blobs(61)
    folds = assign_folds(ids, labels, 5)
    for label in range(3):
        shares = np.bincount(folds[labels == label], minlength=5)
        assert shares.max() - shares.min() <= 1
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 1


def test_a_class_that_the_other_folds_lack_has_probability_zero() -> None:
    ids, features, labels = blobs(30)
    labels[:] = np.arange(30) % 2
    labels[4] = 2
    probabilities = out_of_sample_probabilities(ids, features, labels, 4)
    assert probabilities.shape == (30, 4)
    assert probabilities[4, 2] == 0 and (probabilities[:, 3] == 0).all()


def test_one_class_alone_cannot_be_cross_validated() -> None:
    ids, features, labels = blobs(10)
    with pytest.raises(ValueError, match="two classes"):
        out_of_sample_probabilities(ids, features, np.array([0] * 9 + [1]), 3)
    labels[:] = 0
    with pytest.raises(ValueError, match="two classes"):
        out_of_sample_probabilities(ids, features, labels, 3)


def test_calibrated_probabilities_are_as_sure_as_they_are_right() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(5000, 4))
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([generator.choice(4, p=row) for row in right])
    too_sure = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
    found = calibrated(too_sure, labels)
    assert np.abs(found - right).max() < 0.05 and np.allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == too_sure.argmax(axis=1)).all()
