"""What the model confuses: which mistakes, which samples, and the same for any order of rows."""

import numpy as np
import pytest

from labelcycle.components.analysis.accuracy import classification_metrics
from labelcycle.components.core.campaign.cycle_metrics import ConfusedPair, MistakenSamples
from labelcycle.components.evaluate.confused_pairs import MOST_PAIRS, confused_pairs, mistaken_samples
from labelcycle.components.evaluate.measured import MeasuredModel
from labelcycle.components.evaluate.test_features import Features

CLASSES = ["cat", "dog", "owl"]
TRUTH = ["cat", "cat", "cat", "dog", "dog", "owl"]
PREDICTED = ["dog", "dog", "cat", "owl", "dog", "owl"]
SURE = [0.6, 0.9, 0.8, 0.5, 0.7, 0.9]
LABELLED = {"near dog": "dog", "far dog": "dog", "a cat": "cat", "near owl": "owl"}
WHERE = {"near dog": [1, 0], "far dog": [5, 5], "a cat": [1, 0], "near owl": [0, 3]}


def measured(order: list[int]) -> MeasuredModel:
    """Six test samples at (their number, 0), in some order of rows."""
    probabilities = np.full((6, 3), 0.0, np.float32)
    for row, (name, share) in enumerate(zip(PREDICTED, SURE, strict=True)):
        probabilities[row] = (1 - share) / 2
        probabilities[row, CLASSES.index(name)] = share
    targets = np.array([CLASSES.index(name) for name in TRUTH])
    vectors = np.array([[number, 0] for number in range(6)], np.float16)
    figures = classification_metrics(probabilities, targets, CLASSES)
    ids = [f"test-{number}" for number in order]
    return MeasuredModel(figures, None, vectors[order], targets[order], ids, probabilities[order], None)


def labelled(reverse: bool = False) -> Features:
    names = sorted(WHERE, reverse=reverse)
    return Features(names, np.array([WHERE[name] for name in names], np.float16))


@pytest.mark.parametrize("order", [list(range(6)), [5, 3, 1, 0, 2, 4]])
def test_the_most_frequent_mistake_comes_first_with_the_surest_and_the_nearest(order: list[int]) -> None:
    assert confused_pairs(measured(order), CLASSES, LABELLED, labelled(order[0] > 0), True) == [
        ConfusedPair(true="cat", predicted="dog", count=2, sample_id="test-1", confidence=0.9, like="near dog"),
        ConfusedPair(true="dog", predicted="owl", count=1, sample_id="test-3", confidence=0.5, like="near owl"),
    ]


@pytest.mark.parametrize("order", [list(range(6)), [5, 3, 1, 0, 2, 4]])
def test_mistaken_samples_are_told_by_id(order: list[int]) -> None:
    wrong = ["test-0", "test-1", "test-3"]
    assert mistaken_samples(measured(order)) == MistakenSamples(drawn=6, sample_ids=wrong)
    few = mistaken_samples(measured(order), most=4)
    assert few == mistaken_samples(measured(list(range(6))), most=4)
    assert few.drawn == 4 and set(few.sample_ids) < set(wrong)


def test_features_of_another_space_are_not_compared() -> None:
    found = confused_pairs(measured(list(range(6))), CLASSES, LABELLED, labelled(), False)
    again = confused_pairs(measured(list(range(6))), CLASSES, LABELLED, labelled(True), False)
    assert found == again and found[0].like in ("near dog", "far dog")


def test_without_labelled_samples_to_compare_there_is_none() -> None:
    whole = measured(list(range(6)))
    assert [pair.like for pair in confused_pairs(whole, CLASSES, LABELLED, None, True)] == [None, None]
    nothing = Features([], np.empty((0, 2), np.float16))
    assert [pair.like for pair in confused_pairs(whole, CLASSES, {}, nothing, True)] == [None, None]


def test_there_are_no_more_than_so_many_pairs() -> None:
    count = MOST_PAIRS + 3
    classes = [f"class {number}" for number in range(count)]
    probabilities = np.roll(np.eye(count, dtype=np.float32), 1, axis=1)
    targets, vectors = np.arange(count), np.zeros((count, 2), np.float16)
    figures = classification_metrics(probabilities, targets, classes)
    ids = [f"test-{number}" for number in range(count)]
    model = MeasuredModel(figures, None, vectors, targets, ids, probabilities, None)
    assert len(confused_pairs(model, classes, {}, None, True)) == MOST_PAIRS
