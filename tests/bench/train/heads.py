"""Heads on cached features: the seconds that a cycle of linear probing, a proxy or logistic regression trains."""

import time
from pathlib import Path

import numpy as np
import torch
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading
from threadpoolctl import threadpool_limits

from labelcycle.components.core.config.trainers import LinearTrainer, LogisticTrainer, ProxyTrainer
from labelcycle.components.core.models.heads import unit_standardised
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.feature_training import feature_examples, train_on_features
from labelcycle.components.train_adapter.learning_from_pool import MOST_UNLABELLED
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples
from tests.bench.train.pictures import CONSOLE

REPEATS = 3
"""Runs of each logistic regression, in turn; the fastest counts."""


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
    time_logistic(table, features.astype(np.float16), labels.astype(np.int64))
    time_with_pool(table, features.astype(np.float16), labels.astype(np.int64))


def time_logistic(table: Table, features: np.ndarray, labels: np.ndarray) -> None:
    """CPU seconds of logistic regression on all samples and on 50, beside scikit-learn's on the same vectors.

    Both are drawn to 0 here, as scikit-learn knows no prototypes. By its default tolerance it stops early, so it is
    also measured with one that brings it near the minimum; how far its weights are from ours is told.
    """
    moments = feature_moments([features])
    assert moments is not None
    classes = int(labels.max()) + 1
    began = time.process_time()
    feature_moments([features])
    table.add_row(
        f"moments of the pool, {len(features)} × {features.shape[1]}", f"{_told(time.process_time() - began)}"
    )
    for rows in (np.arange(len(features)), np.random.default_rng(0).permutation(len(features))[:50]):
        learnt = LabelledFeatures(features[rows], labels[rows])
        vectors = unit_standardised(learnt.features.astype(np.float64), *moments)
        ours: list[float] = []
        for _ in range(REPEATS):
            began = time.process_time()
            trained = train_on_samples(learnt, None, classes, LogisticTrainer(scale=0), moments)
            ours.append(time.process_time() - began)
        for tolerance in (1e-4, 1e-8):
            peer = LogisticRegression(C=10.0, fit_intercept=False, tol=tolerance, max_iter=5000)
            theirs = []
            for _ in range(REPEATS):
                began = time.process_time()
                with threadpool_limits(1):
                    peer.fit(vectors, learnt.classes)
                theirs.append(time.process_time() - began)
            difference = np.abs(peer.coef_ - trained.head.weight[peer.classes_]).max()
            table.add_row(
                f"logistic head, {len(rows)} × {features.shape[1]}, {trained.fitted.epochs} iterations",
                f"{_told(min(ours))} of a CPU",
                f"scikit-learn, tol={tolerance:g}: {_told(min(theirs))}",
                f"{min(theirs) / min(ours):.2f}; its weights are off by {difference:.1g}",
            )


def time_with_pool(table: Table, features: np.ndarray, labels: np.ndarray) -> None:
    """CPU seconds with 50 labels and 4,000 samples of the pool, beside scikit-learn's spreading of labels alone.

    Accuracy is that on the samples of the pool that took part.
    """
    classes = int(labels.max()) + 1
    rows = np.random.default_rng(0).permutation(len(features))[: 50 + MOST_UNLABELLED]
    known, others = rows[:50], rows[50:]
    moments = feature_moments([features])
    assert moments is not None
    vectors = unit_standardised(features[rows].astype(np.float64), *moments)
    given = np.concatenate([labels[known], np.full(len(others), -1)])
    ours, theirs = [], []
    for _ in range(REPEATS):
        began = time.process_time()
        trainer = LogisticTrainer(unlabelled="spread")
        learnt = LabelledFeatures(features[known], labels[known])
        head = train_on_samples(learnt, None, classes, trainer, moments, features[others]).head
        ours.append(time.process_time() - began)
        began = time.process_time()
        with threadpool_limits(1):
            peer = LabelSpreading(kernel="knn", n_neighbors=10, alpha=0.9, max_iter=100, n_jobs=1).fit(vectors, given)
        theirs.append(time.process_time() - began)
    right = (head.logits(features[others]).argmax(axis=1) == labels[others]).mean()
    peer_right = (peer.transduction_[50:] == labels[others]).mean()
    table.add_row(
        f"logistic head, 50 labels and {len(others)} of the pool × {features.shape[1]}",
        f"{_told(min(ours))} of a CPU, {right:.1%} right",
        f"scikit-learn's LabelSpreading: {_told(min(theirs))}, {peer_right:.1%} right",
        f"{min(theirs) / min(ours):.2f}",
    )


def _told(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1000 * seconds:.1f} ms"
