"""ProbCover's radius: the paper's purity of balls against the purity of their members, and given radii.

`python -m tests.bench.methods.probcover --features eurosat.npz caltech101.npz digits`

Each file has `features` (N, d) and `labels`; `digits` are the pixels of scikit-learn's. All picks are made at once,
from the cold start, since the strategy reads no labels, and the head is `logistic` on the first so many of them.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labelcycle.components.core.config.trainers import LogisticTrainer
from labelcycle.components.select import Candidates, select_batch
from labelcycle.components.train_adapter.feature_moments import feature_moments
from labelcycle.components.train_adapter.logistic_training import LabelledFeatures, train_on_samples
from tests.bench.methods.heads import read_features
from tests.bench.methods.markdown import percent, table

ARMS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "random": ("random", {}),
    "typiclust": ("typiclust", {}),
    "probcover, balls 0.95 (the paper's)": ("probcover", {}),
    "probcover, members 0.85": ("probcover", {"purity_of": "members"}),
    "probcover, members 0.9": ("probcover", {"purity_of": "members", "purity": 0.9}),
    "probcover, members 0.8": ("probcover", {"purity_of": "members", "purity": 0.8}),
}
A_CLASS = (1, 2, 5, 10)
"""Picks a class, on average."""


def main() -> None:
    """Print a table for each file."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.methods.probcover", description=__doc__)
    parser.add_argument("--features", nargs="+", required=True, help="npz files, or the word digits")
    parser.add_argument("--pool", type=int, default=3000, help="samples to choose from; at most two thirds of a file")
    parser.add_argument("--test", type=int, default=3000, help="other samples to measure with")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    for source in given.features:
        features, labels = read_features(source)
        print(f"\n### {Path(source).stem}, {min(given.pool, 2 * len(labels) // 3)} samples to choose from\n")
        print(of_source(features, labels, given.pool, given.test, given.seeds))


def of_source(features: np.ndarray, labels: np.ndarray, pool: int, test: int, seeds: int) -> str:
    """Classes among the first picks and accuracy, mean of the seeds ± its standard error."""
    classes = int(labels.max()) + 1
    rows = []
    for name, (strategy, parameters) in ARMS.items():
        found = np.array([_one(features, labels, pool, test, seed, strategy, parameters) for seed in range(seeds)])
        seen, accuracy = found[:, 0].mean(axis=0), found[:, 1]
        errors = accuracy.std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.zeros(len(A_CLASS))
        means = accuracy.mean(axis=0)
        cells = [f"{percent(mean)} ± {percent(error)}" for mean, error in zip(means, errors, strict=True)]
        rows.append([name, f"{seen[0]:.1f} of {classes}", *cells])
    return table(["strategy", "classes at 1 a class", *(f"{count} a class, %" for count in A_CLASS)], rows)


def _one(
    features: np.ndarray,
    labels: np.ndarray,
    pool: int,
    test: int,
    seed: int,
    strategy: str,
    parameters: Mapping[str, Any],
) -> tuple[Sequence[float], Sequence[float]]:
    """Classes seen and accuracy, by picks."""
    drawn = np.random.default_rng(seed).permutation(len(labels))
    size, classes = min(pool, 2 * len(labels) // 3), int(labels.max()) + 1
    chosen_from, measured = drawn[:size], drawn[size : size + test]
    ids = np.array([f"{number:06d}" for number in range(size)])
    candidates = Candidates(ids=ids, features=features[chosen_from])
    if strategy == "probcover":
        parameters = {**parameters, "clusters": classes}
    budget = min(size, A_CLASS[-1] * classes)
    picks = select_batch(strategy, candidates, budget, seed, **parameters)
    order = chosen_from[picks.ids.astype(np.int64)]
    moments = feature_moments([features[chosen_from]])
    assert moments is not None
    seen, accuracy = [], []
    for count in A_CLASS:
        rows = np.sort(order[: count * classes])
        learnt = LabelledFeatures(features[rows], labels[rows])
        head = train_on_samples(learnt, None, classes, LogisticTrainer(), moments).head
        seen.append(float(len(np.unique(labels[rows]))))
        accuracy.append(float((head.probabilities(features[measured]).argmax(axis=1) == labels[measured]).mean()))
    return seen, accuracy


if __name__ == "__main__":
    main()
