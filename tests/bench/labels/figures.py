"""What results come to: areas, labels saved against random, wins, and their standard errors."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from labelcycle.components.analysis.savings import AverageSaving, Curve, Saving, average_saving, savings
from tests.bench.labels.data import SHOWN

Floats = npt.NDArray[np.float64]

RANDOM = "random"
"""How the title of every yardstick ends."""


@dataclass(frozen=True)
class Entry:
    """A method with a head on a set, over its seeds.

    Attributes:
        data: the set's name.
        method: the method's title.
        by: whose it is.
        head: the head's name.
        classes: C.
        pool, test: numbers of samples.
        seeds: those measured, rising.
        labels: after each query, B of them.
        accuracy: of the test set, (seeds, B).
        seconds: of the processor, on average for a seed.
    """

    data: str
    method: str
    by: str
    head: str
    classes: int
    pool: int
    test: int
    seeds: tuple[int, ...]
    labels: list[int]
    accuracy: Floats
    seconds: float

    @property
    def name(self) -> str:
        """Method and head."""
        return f"{self.method}, {self.head} head"

    @property
    def mean(self) -> Curve:
        """The curve averaged over seeds."""
        return Curve(self.labels, self.accuracy.mean(axis=0).tolist())

    @property
    def shown(self) -> dict[int, int]:
        """Columns of the budgets that tables show, by labels a class."""
        return {a_class: self.labels.index(a_class * self.classes) for a_class in SHOWN if self.has(a_class)}

    def has(self, a_class: int) -> bool:
        """Whether so many labels a class were measured."""
        return a_class * self.classes in self.labels

    def areas(self) -> Floats:
        """Area under each seed's curve over the logarithm of labels, where each doubling counts the same: (seeds,)."""
        return area(np.log(self.labels), self.accuracy)

    def plain_areas(self) -> Floats:
        """Area over the labels themselves, where large numbers of labels decide: (seeds,)."""
        return area(np.asarray(self.labels, float), self.accuracy)


def area(places: npt.NDArray[np.floating], heights: Floats) -> Floats:
    """Mean height of piecewise linear curves between the first and the last place: (B,), (S, B) → (S,)."""
    if len(places) == 1:
        return heights[:, 0]
    widths = np.diff(places)
    return np.asarray(((heights[:, 1:] + heights[:, :-1]) / 2) @ widths / widths.sum())


def standard_error(values: npt.NDArray[np.floating]) -> float:
    """Of the mean; NaN for a single value."""
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def paired(one: Entry, other: Entry) -> tuple[list[int], Floats, Floats]:
    """What both have: labels, and the accuracies of the same seeds, (common seeds, common labels) each."""
    seeds = [seed for seed in one.seeds if seed in other.seeds]
    labels = [count for count in one.labels if count in other.labels]

    def of(entry: Entry) -> Floats:
        rows = [entry.seeds.index(seed) for seed in seeds]
        return entry.accuracy[np.ix_(rows, [entry.labels.index(count) for count in labels])]

    return labels, of(one), of(other)


def wins(one: Entry, other: Entry) -> float:
    """Share of pairs of seed and shown budget in which the first is more accurate; a tie counts half."""
    labels, first, second = paired(one, other)
    columns = [labels.index(one.labels[column]) for column in one.shown.values() if one.labels[column] in labels]
    first, second = first[:, columns], second[:, columns]
    return float(((first > second) + (first == second) / 2).mean())


def ahead(one: Entry, other: Entry) -> tuple[float, float]:
    """By how much the first's area is larger, and the standard error over the seeds that both have."""
    labels, first, second = paired(one, other)
    difference = area(np.log(labels), first) - area(np.log(labels), second)
    return float(difference.mean()), standard_error(difference)


def saved(entry: Entry, yardstick: Entry) -> dict[int, Saving]:
    """The saving against random at each shown budget, by labels a class, of curves averaged over seeds."""
    points = savings(entry.mean, yardstick.mean)
    return {a_class: points[column] for a_class, column in entry.shown.items()}


def saved_on_average(entry: Entry, yardstick: Entry) -> AverageSaving:
    """Over the shown budgets, each of which counts the same."""
    return average_saving(list(saved(entry, yardstick).values()))


def yardstick_of(entry: Entry, all_of_set: Sequence[Entry]) -> Entry | None:
    """The random picks that are measured with the same head: those of the same library where it has them."""
    able = [one for one in all_of_set if one.method.endswith(RANDOM) and one.head == entry.head]
    return next((one for one in able if one.by == entry.by), able[0] if able else None)


def read_leaderboards(out: Path, seeds: int | None = None) -> dict[str, list[Entry]]:
    """Results below a folder, by set; of a method that was measured in several versions the newest.

    Args:
        out: the folder.
        seeds: look at so many seeds, from 0 on; None for all.
    """
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for file in sorted(out.glob("*/*.json")):
        result = json.loads(file.read_text())
        if seeds is not None and result["seed"] >= seeds:
            continue
        found[result["set"], result["method"], result["head"]].append(result)
    entries: dict[str, list[Entry]] = defaultdict(list)
    for (data, method, head), results in found.items():
        newest = max(results, key=lambda result: result["made"])
        same = [result for result in results if result["version"] == newest["version"]]
        same.sort(key=lambda result: result["seed"])
        entries[data].append(
            Entry(
                data,
                method,
                newest["by"],
                head,
                newest["classes"],
                newest["pool"],
                newest["test"],
                tuple(result["seed"] for result in same),
                newest["labels"],
                np.array([result["accuracy"] for result in same]),
                float(np.mean([result["seconds"] for result in same])),
            )
        )
    for members in entries.values():
        members.sort(key=lambda entry: -entry.areas().mean())
    return dict(entries)
