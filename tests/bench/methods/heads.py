"""Heads by labels: what the same random labels are worth to the linear head, scikit-learn's regression and `logistic`.

`python -m tests.bench.methods.heads --features eurosat-features.npz` takes an npz with `features` and `labels`, or the
word `digits` for the pixels of scikit-learn's digits.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from labelcycle.components.analysis.accuracy import expected_calibration_error
from labelcycle.components.core.config.trainers import LinearTrainer, LogisticTrainer
from labelcycle.components.train_adapter.feature_moments import Moments, feature_moments
from labelcycle.components.train_adapter.feature_training import feature_examples, train_on_features
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples

Probabilities = np.ndarray
"""Of the test samples, (N, C)."""


def linear(learnt: LabelledFeatures, test: np.ndarray, classes: int, moments: Moments, seed: int) -> Probabilities:
    """PEAL's head, trained as the recipe `linear_probe` does in one cycle."""
    trainer = LinearTrainer()
    examples = feature_examples(learnt.features, torch.from_numpy(learnt.classes))
    head = train_on_features(examples, None, classes, trainer, trainer.learning_rate, seed, None).head
    return head.probabilities(test)


def scikit_learn(
    learnt: LabelledFeatures, test: np.ndarray, classes: int, moments: Moments, seed: int
) -> Probabilities:
    """Logistic regression on standardised features, C = 0.05."""
    mean, deviation = moments
    peer = LogisticRegression(C=0.05, max_iter=3000)
    peer.fit((learnt.features - mean) / deviation, learnt.classes)
    found = np.zeros((len(test), classes))
    found[:, peer.classes_] = peer.predict_proba((test - mean) / deviation)
    return found


def logistic(learnt: LabelledFeatures, test: np.ndarray, classes: int, moments: Moments, seed: int) -> Probabilities:
    """The trainer `logistic` with its defaults."""
    return train_on_samples(learnt, None, classes, LogisticTrainer(), moments).head.probabilities(test)


def calibrated(learnt: LabelledFeatures, test: np.ndarray, classes: int, moments: Moments, seed: int) -> Probabilities:
    """The same with a cross-validated temperature."""
    trainer = LogisticTrainer(temperature="cross_validated")
    return train_on_samples(learnt, None, classes, trainer, moments).head.probabilities(test)


ARMS = {
    "linear": linear,
    "scikit-learn, C = 0.05": scikit_learn,
    "logistic": logistic,
    "logistic, calibrated": calibrated,
}


def read_features(source: str) -> tuple[np.ndarray, np.ndarray]:
    """Features float16 (N, d) and class indices int64 (N,) of an npz file, or of the digits."""
    if source == "digits":
        digits = load_digits()
        return digits.data.astype(np.float16), digits.target.astype(np.int64)
    with np.load(Path(source)) as content:
        return content["features"].astype(np.float16), content["labels"].astype(np.int64)


def main() -> None:
    """Measure and print a table of accuracies and one of calibration errors."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.methods.heads", description=__doc__)
    parser.add_argument("--features", required=True, help="npz: features (N, d), labels (N,); or digits")
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 20, 50, 100, 200, 500], help="random labels")
    parser.add_argument("--a-class", action="store_true", help="--labels are so many a class, on average")
    parser.add_argument("--pool", type=int, default=4000, help="samples to draw from; the test set is as many others")
    parser.add_argument("--heads", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    features, labels = read_features(given.features)
    classes = int(labels.max()) + 1
    arms = {name: ARMS[name] for name in given.heads}
    sizes = [count * classes if given.a_class else count for count in given.labels]
    accuracy = np.zeros((len(arms), len(sizes), given.seeds))
    error = np.zeros_like(accuracy)
    for seed in range(given.seeds):
        order = np.random.default_rng(seed).permutation(len(features))
        pool, test = order[: given.pool], order[given.pool : 2 * given.pool]
        moments = feature_moments([features[pool]])
        assert moments is not None
        for column, count in enumerate(sizes):
            rows = np.sort(pool[:count])
            learnt = LabelledFeatures(features[rows], labels[rows])
            for row, arm in enumerate(arms.values()):
                found = arm(learnt, features[test], classes, moments, seed)
                right = found.argmax(axis=1) == labels[test]
                accuracy[row, column, seed] = right.mean()
                error[row, column, seed] = expected_calibration_error(found.max(axis=1), right)
    console = Console(width=150)
    for title, figures in (("Accuracy", accuracy), ("Expected calibration error", error)):
        table = Table(title=f"{title} by random labels, mean of {given.seeds} seeds", caption=" ".join(sys.argv[1:]))
        for heading in ("head", *map(str, sizes)):
            table.add_column(heading)
        for name, means in zip(arms, figures.mean(axis=2), strict=True):
            table.add_row(name, *(f"{mean:.3f}" for mean in means))
        console.print(table)


if __name__ == "__main__":
    main()
