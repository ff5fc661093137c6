"""The sets of features, how each is split, and how many labels are asked for.

A set is an npz or Parquet file as `labelcycle init --embeddings` takes it, with labels, or the digits of scikit-learn.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.digests import digest_of_file
from labelcycle.pipelines.backtest.labelled_history import Labelled, LabelledHistory
from labelcycle.pipelines.initialise.embeddings import samples_from_embeddings
from labelcycle.pipelines.initialise.held_out import hold_out

DIGITS = "digits"
"""The set that needs no file: pixels, as they come with scikit-learn."""

WHOLE = "-whole"
"""Ends the name of a set whose whole pool is chosen from, though it is large."""

SMALL_POOL = 4000
"""Samples of the pool that slow methods can choose from."""

TEST, SHARES = 1500, (0.1, 0.3)
"""So many test samples, but no less and no more than these shares of the set."""

SHOWN = (1, 2, 3, 5, 10, 20, 50, 100)
"""Labels a class at which tables show accuracy."""

QUERIED = (*range(1, 11), 12, 14, 16, 18, *range(20, 51, 10), 75, 100)
"""Labels a class after each query."""

QUERIED_OF_MANY = (*range(1, 6), 7, 10, 15, 20, 30, 50)
"""The same for sets of more than `MANY` classes, where a query of one label a class is large already."""

MANY = 50
"""Classes."""
MOST_LABELLED = 2 / 3
"""Of the pool; budgets above are left out."""


@dataclass(frozen=True)
class Data:
    """A set.

    Attributes:
        name: what tables call it.
        path: the file; empty for the digits.
        whole: choose from all of it instead of a part that slow methods can handle.
    """

    name: str
    path: str
    whole: bool = False

    def digest(self) -> str:
        """Of the content."""
        return digest_of_file(Path(self.path)) if self.path else DIGITS


@lru_cache(maxsize=8)
def _samples(path: str) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float16], dict[str, str], dict[str, str]]:
    """Ids, sorted, their features, class by id, and split by id where the file has splits."""
    if not path:
        from sklearn.datasets import load_digits

        digits = load_digits()
        names = [f"digit-{number:04d}" for number in range(len(digits.target))]
        labels = dict(zip(names, digits.target.astype(str).tolist(), strict=True))
        return np.array(names), digits.data.astype(np.float16), labels, {}
    found = samples_from_embeddings(path)
    if not found.labels:
        raise SystemExit(f"{path} has no labels. Add `labels`, or leave the set out.")
    assert found.features is not None
    return np.array(list(found.uris), np.str_), found.features, found.labels, found.splits


def size_of(data: Data) -> tuple[int, int]:
    """How many samples of a set have labels, and how many classes they have."""
    labels = _samples(data.path)[2]
    return len(labels), len(set(labels.values()))


@lru_cache(maxsize=8)
def history_of(data: Data, seed: int) -> LabelledHistory:
    """A set's pool and test samples, split by class with this seed; a file's own test split is kept."""
    ids, features, labels, splits = _samples(data.path)
    classes = sorted(set(labels.values()))
    number = {name: index for index, name in enumerate(classes)}
    test = {name: labels[name] for name, split in splits.items() if split == "test" and name in labels}
    if not test:
        share = float(np.clip(TEST / len(labels), *SHARES))
        test = hold_out(labels, share, seed)
    pool = {name: label for name, label in labels.items() if name not in test}
    if len(pool) > SMALL_POOL and not data.whole:
        pool = hold_out(pool, SMALL_POOL / len(pool), seed)

    def part(names: dict[str, str]) -> Labelled:
        rows = np.flatnonzero(np.isin(ids, list(names)))
        return Labelled(ids[rows], features[rows], np.array([number[labels[name]] for name in ids[rows].tolist()]))

    return LabelledHistory(
        data.name, classes, part(pool), Labelled(ids[:0], features[:0], np.empty(0, np.int64)), part(test)
    )


def budgets(classes: int, pool: int, most: int | None = None) -> list[int]:
    """Labels after each query.

    Args:
        classes: C.
        pool: samples to choose from.
        most: labels a class to stop after; None for as many as the pool allows.
    """
    queried = QUERIED_OF_MANY if classes > MANY else QUERIED
    allowed = [count for count in queried if count * classes <= MOST_LABELLED * pool and (not most or count <= most)]
    return [count * classes for count in allowed]
