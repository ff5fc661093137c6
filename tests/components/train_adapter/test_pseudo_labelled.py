"""DropQuery's own head learns from samples without a label."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from labelcycle.components.core.config.trainers import DropQueryTrainer
from labelcycle.components.train_adapter.feature_training import feature_examples, train_on_features
from labelcycle.components.train_adapter.pseudo_labelled import with_pseudo_labels

SPREAD = DropQueryTrainer(unlabelled="spread", unlabelled_neighbours=20)


def clusters() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three long clusters and one sample of each, at an end: neighbours lead from there to the other end."""
    generator = np.random.default_rng(0)
    classes = np.arange(600) % 3
    along = generator.uniform(-0.8, 0.8, size=600)
    angle = along + 2.1 * classes
    features = np.stack([np.cos(angle), np.sin(angle), 0.1 * generator.normal(size=600)], axis=1).astype(np.float16)
    return features, classes, np.array([3 * along[classes == kind].argmax() + kind for kind in range(3)])


def test_few_labels_are_worth_more_with_the_pool() -> None:
    features, classes, rows = clusters()
    accuracy = {}
    for trainer in (DropQueryTrainer(), SPREAD):
        training = feature_examples(features[rows], torch.from_numpy(classes[rows]))
        others = np.delete(features, rows, axis=0)
        given = (training, None, 3, trainer, trainer.learning_rate, 0, None, None, others)
        trained, again = train_on_features(*given), train_on_features(*given)
        assert trained.head.to_bytes() == again.head.to_bytes() and trained.examples == 3
        assert trained.fitted.unlabelled == (597 if trainer is SPREAD else None)
        accuracy[trainer.unlabelled] = float((trained.head.probabilities(features).argmax(axis=1) == classes).mean())
    assert accuracy["spread"] > accuracy["none"] + 0.05, accuracy


@pytest.mark.parametrize("class_weight", ["none", "balanced"])
def test_pseudo_labels_count_less_than_the_limits(class_weight: str) -> None:
    features, classes, rows = clusters()
    rows = np.append(rows, 3)
    trainer = SPREAD.model_copy(update={"class_weight": class_weight, "unlabelled_weight": 0.5})
    training = feature_examples(features[rows], torch.from_numpy(classes[rows]))
    together = with_pseudo_labels(training, np.delete(features, rows, axis=0), 3, trainer)
    assert together.weights is not None and len(together.weights) == len(together.targets) > 500
    assert torch.equal(together.inputs[:4], training.inputs) and together.weights.mean() == pytest.approx(1, abs=1e-5)
    labels, pseudo = together.weights[:4].double(), together.weights[4:].double()
    assert 0.4 < float(pseudo.sum() / labels.sum()) < 0.5
    of_class_0 = labels[training.targets == 0].sum() / labels.sum()
    assert float(of_class_0) == pytest.approx(0.5 if class_weight == "none" else 1 / 3)


def test_a_campaign_learns_from_its_pool(begin: Callable[..., Any]) -> None:
    made = begin(recipe="dropquery", overrides={"trainer.unlabelled": "spread", "trainer.epochs": 3})
    made.run_cycle()
    made.run_cycle()
    facts = made.work.read_json("training.json")
    assert facts["unlabelled"] == 48 - facts["labelled"] and facts["labelled"] < 48
