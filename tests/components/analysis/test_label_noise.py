"""Suspects among labels: the ones that were flipped, few others, and nothing where there is too little to go by."""

import numpy as np
import pytest

from labelcycle.components.analysis.label_noise import (
    MOST_LISTED,
    SUSPECTS,
    doubted_labels,
    find_label_noise,
)
from labelcycle.components.analysis.out_of_sample import out_of_sample_probabilities
from labelcycle.components.core.campaign.label_quality import SURE

CLASSES = ["ash", "beech", "cedar", "deodar"]


def flipped_blobs(count: int, share: float, seed: int = 0) -> tuple[list[str], np.ndarray, list[str], set[str]]:
    """Separable blobs, a share of whose labels is another class; the ids of these come last."""
    generator = np.random.default_rng(seed)
    truth = np.arange(count) % len(CLASSES)
    features = 5 * np.eye(len(CLASSES), 16)[truth] + generator.normal(size=(count, 16))
    ids = [f"sample-{row:04d}" for row in range(count)]
    wrong = generator.choice(count, round(share * count), replace=False)
    labels = truth.copy()
    labels[wrong] = (labels[wrong] + generator.integers(1, len(CLASSES), len(wrong))) % len(CLASSES)
    return ids, features.astype(np.float16), [CLASSES[label] for label in labels], {ids[row] for row in wrong}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_flipped_labels_are_found(seed: int) -> None:
    ids, features, labels, wrong = flipped_blobs(400, 0.1, seed)
    found = find_label_noise(ids, features, labels, CLASSES)
    suspects = set(found.suspects["sample_id"].to_pylist())
    assert found.reason is None and found.judged == 400 and found.found == len(suspects)
    assert len(suspects & wrong) / len(wrong) >= 0.7
    assert len(suspects & wrong) / len(suspects) >= 0.9


def test_the_right_class_is_suggested_with_its_confidence() -> None:
    ids, features, labels, wrong = flipped_blobs(400, 0.1)
    rows = find_label_noise(ids, features, labels, CLASSES).suspects.to_pylist()
    for row in rows:
        number = int(row["sample_id"].removeprefix("sample-"))
        assert row["label"] == labels[number] != row["suggested"]
        if row["sample_id"] in wrong:
            assert row["suggested"] == CLASSES[number % len(CLASSES)]
        assert 0 <= row["quality"] <= 1
        assert row["suggested_confidence"] > row["label_confidence"]
    assert [row["quality"] for row in rows] == sorted(row["quality"] for row in rows)


def test_hard_samples_with_right_labels_are_no_suspects() -> None:
    """Where classes overlap, models are often wrong and rarely sure."""
    generator = np.random.default_rng(0)
    truth = np.arange(400) % len(CLASSES)
    features = 1.5 * np.eye(len(CLASSES), 16)[truth] + generator.normal(size=(400, 16))
    labels = [CLASSES[label] for label in truth]
    found = find_label_noise([f"sample-{row:04d}" for row in range(400)], features, labels, CLASSES)
    probabilities = out_of_sample_probabilities(
        np.array([f"sample-{row:04d}" for row in range(400)]), features, truth, 4
    )
    assert (probabilities.argmax(axis=1) != truth).mean() > 0.2
    assert found.found / 400 < 0.1


def test_certainty_is_calibrated_and_says_which_suspects_are_right() -> None:
    """Of classes that overlap: those that it is sure of are wrong more often than the others."""
    generator = np.random.default_rng(3)
    truth = np.arange(600) % len(CLASSES)
    features = 2.0 * np.eye(len(CLASSES), 16)[truth] + generator.normal(size=(600, 16))
    flipped = generator.random(600) < 0.1
    given = np.where(flipped, (truth + 1) % len(CLASSES), truth)
    ids = [f"sample-{row:04d}" for row in range(600)]
    rows = find_label_noise(ids, features, [CLASSES[label] for label in given], CLASSES).suspects.to_pylist()
    sure = [flipped[ids.index(row["sample_id"])] for row in rows if row["certainty"] >= SURE]
    unsure = [flipped[ids.index(row["sample_id"])] for row in rows if row["certainty"] < SURE]
    assert len(sure) >= 10 and len(unsure) >= 5 and np.mean(sure) > np.mean(unsure)
    assert all(0 < row["certainty"] <= 1 for row in rows)


def test_clean_labels_have_no_suspects() -> None:
    ids, features, labels, _ = flipped_blobs(200, 0.0)
    found = find_label_noise(ids, features, labels, CLASSES)
    assert (found.found, found.suspects.num_rows, found.judged) == (0, 0, 200)
    assert found.suspects.schema == SUSPECTS


def test_the_order_of_samples_does_not_matter() -> None:
    ids, features, labels, _ = flipped_blobs(200, 0.1)
    expected = find_label_noise(ids, features, labels, CLASSES).suspects
    order = np.random.default_rng(5).permutation(200)
    shuffled = [ids[row] for row in order], features[order], [labels[row] for row in order]
    assert find_label_noise(*shuffled, CLASSES).suspects.equals(expected)


def test_the_labels_that_are_wrong_are_doubted_most() -> None:
    ids, features, labels, wrong = flipped_blobs(200, 0.05)
    doubted = doubted_labels(ids, features, labels, CLASSES)
    assert {label.sample_id for label in doubted[: len(wrong)]} == wrong
    assert [label.confidence for label in doubted] == sorted(label.confidence for label in doubted)
    order = np.random.default_rng(5).permutation(200)
    shuffled = [ids[row] for row in order], features[order], [labels[row] for row in order]
    assert doubted_labels(*shuffled, CLASSES) == doubted


def test_only_labels_that_the_model_would_not_have_given_are_doubted() -> None:
    """One of these lies nearer to another class than to its own."""
    ids, features, labels, _ = flipped_blobs(200, 0.0)
    assert len(doubted_labels(ids, features, labels, CLASSES)) == 1
    assert doubted_labels(ids[:4], features[:4], labels[:4], CLASSES) == []


def test_at_most_fifty_are_listed_and_all_are_counted() -> None:
    found = find_label_noise(*flipped_blobs(1000, 0.1)[:3], CLASSES)
    assert found.suspects.num_rows == MOST_LISTED < found.found


def test_classes_with_few_labels_are_left_out() -> None:
    ids, features, labels, _ = flipped_blobs(100, 0.0)
    labels = ["deodar" if row < 4 else CLASSES[row % 3] for row in range(100)]
    assert find_label_noise(ids, features, labels, CLASSES).judged == 96


def test_too_few_labels_are_not_judged() -> None:
    ids, features, labels, _ = flipped_blobs(16, 0.0)
    found = find_label_noise(ids, features, labels, CLASSES)
    assert found.reason == "fewer than two classes have 5 labels or more"
    assert (found.found, found.judged) == (0, 0) and found.suspects.schema == SUSPECTS
    assert find_label_noise([], features[:0], [], CLASSES).reason == found.reason
