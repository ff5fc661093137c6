"""Heads on cached features: the seconds that a cycle of linear probing, DropQuery or a proxy trains."""

import time
from pathlib import Path

import numpy as np
import torch
from rich.table import Table

from labelcycle.components.core.trainers import LinearTrainer, ProxyTrainer
from labelcycle.components.train_adapter.feature_training import feature_examples, train_on_features
from tests.bench.train.pictures import CONSOLE


def time_heads(table: Table, archive: Path | None) -> None:
    """Train on the `features` and `labels` of an npz, or on 27,000 random rows of 192."""
    if archive is None:
        CONSOLE.print("No features were given (--features or LABELCYCLE_FEATURES): random ones are used.")
        generator = np.random.default_rng(0)
        labels = generator.integers(0, 10, 27_000)
        features = generator.normal(size=(27_000, 192)) + generator.normal(size=(10, 192))[labels]
    else:
        with np.load(archive) as content:
            features, labels = content["features"], content["labels"]
    examples = feature_examples(features, torch.from_numpy(labels.astype(np.int64)))
    for trainer in (ProxyTrainer(), LinearTrainer()):
        classes = int(labels.max()) + 1
        began = time.perf_counter()
        trained = train_on_features(examples, None, classes, trainer, trainer.learning_rate, 0, None)
        seconds = time.perf_counter() - began
        right = (trained.head.logits(features).argmax(axis=1) == labels).mean()
        what = f"{trainer.name} head, {features.shape[0]} × {features.shape[1]}, {trained.fitted.epochs} epochs"
        table.add_row(what, f"{seconds:.1f} s", "", f"{right:.1%} of these very samples right")
