"""Test metrics against scikit-learn."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from labelcycle.components.analysis.accuracy import classification_metrics, expected_calibration_error

CLASSES = ["cat", "dog", "owl", "yak"]


def predictions(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 4, rows)
    probabilities = generator.dirichlet(np.ones(4), rows) + np.eye(4)[truth] * generator.random((rows, 1))
    return (probabilities / probabilities.sum(axis=1, keepdims=True)).astype(np.float32), truth


def certain(predicted: list[int]) -> np.ndarray:  # type: ignore[type-arg]
    return np.eye(4, dtype=np.float32)[predicted]


@pytest.mark.parametrize(("rows", "seed"), [(1, 0), (3, 1), (17, 2), (400, 3)])
def test_they_are_those_of_scikit_learn(rows: int, seed: int) -> None:
    probabilities, truth = predictions(rows, seed)
    predicted = probabilities.argmax(axis=1)
    found = classification_metrics(probabilities, truth, CLASSES)
    assert found.accuracy == pytest.approx(accuracy_score(truth, predicted))
    present = sorted(set(truth.tolist()))
    macro = f1_score(truth, predicted, labels=present, average="macro", zero_division=0.0)
    assert found.macro_f1 == pytest.approx(macro)
    assert found.confusion == confusion_matrix(truth, predicted, labels=range(4)).tolist()
    expected = precision_recall_fscore_support(truth, predicted, labels=range(4), zero_division=0.0)
    for name, column in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [getattr(row, name) for row in found.classes] == pytest.approx(list(column))


def test_calibration_is_that_of_the_predicted_class() -> None:
    probabilities, truth = predictions(200, 4)
    correct = probabilities.argmax(axis=1) == truth
    expected = expected_calibration_error(probabilities.max(axis=1), correct)
    assert classification_metrics(probabilities, truth, CLASSES).ece == expected


def test_a_class_absent_from_the_test_set_does_not_count_as_failed() -> None:
    found = classification_metrics(certain([0, 1, 0, 1]), np.array([0, 1, 0, 1]), CLASSES)
    assert (found.accuracy, found.macro_f1) == (1.0, 1.0)
    assert [row.support for row in found.classes] == [2, 2, 0, 0]


def test_a_class_that_is_never_predicted_counts_as_failed() -> None:
    found = classification_metrics(certain([0, 0]), np.array([0, 1]), CLASSES)
    assert [row.f1 for row in found.classes] == pytest.approx([2 / 3, 0, 0, 0])
    assert found.macro_f1 == pytest.approx(1 / 3)


def test_one_class_and_all_wrong() -> None:
    found = classification_metrics(certain([1, 1]), np.array([0, 0]), CLASSES)
    assert (found.accuracy, found.macro_f1, found.ece) == (0.0, 0.0, 1.0)


def test_confusion_has_truth_in_rows() -> None:
    found = classification_metrics(certain([2, 2, 0]), np.array([0, 2, 0]), CLASSES)
    assert found.confusion == [[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_values_are_plain() -> None:
    found = classification_metrics(*predictions(10, 5), CLASSES)
    assert json.loads(json.dumps(found.as_json())) == found.as_json()
    assert [row.name for row in found.classes] == CLASSES
    assert found.test_samples == 10
