"""What a campaign came to, and how far two campaigns differ."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_tensors

from labelcycle.components.core.campaign.commits import Commit, read_commits
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.objects import read_json, read_object
from tests.harness.committed_objects import committed_objects

FIGURES = ("accuracy", "macro_f1", "ece")


@dataclass(frozen=True)
class Cycle:
    """One committed cycle.

    Attributes:
        ids: the query, best first.
        metrics: its `metrics.json`; empty at a cold start.
        head: the tensors of its head; empty at a cold start.
    """

    ids: list[str]
    metrics: dict[str, Any]
    head: dict[str, npt.NDArray[np.float32]]


class Outcome:
    """A finished campaign, read when it is asked for."""

    def __init__(self, root: str) -> None:
        self._store = open_store(root)
        self._root = root

    @cached_property
    def commits(self) -> list[Commit]:
        return read_commits(self._store)

    @cached_property
    def cycles(self) -> list[Cycle]:
        return [self._cycle(commit) for commit in self.commits]

    @cached_property
    def objects(self) -> dict[str, str]:
        """Digests of everything that is committed, by key."""
        return committed_objects(self._root)

    @cached_property
    def spaces(self) -> list[str]:
        """Names of the feature spaces of the cycles, in their order."""
        return [str(cycle.metrics["space"]) for cycle in self.cycles if cycle.metrics]

    def features(self, space: str) -> tuple[list[str], npt.NDArray[np.float16]]:
        """All rows of a space, by id."""
        return FeatureSpace(self._store, space).read()

    def _cycle(self, commit: Commit) -> Cycle:
        ids = read_query(self._store, commit.objects["query"])["sample_id"].to_pylist()
        if "metrics" not in commit.objects:
            return Cycle(ids, {}, {})
        head = load_tensors(read_object(self._store, commit.objects["head"]))
        return Cycle(ids, read_json(self._store, commit.objects["metrics"]), head)


@dataclass
class Difference:
    """How a campaign differs from the reference.

    Attributes:
        course: the campaign's.
        circumstances: what was otherwise than in the reference.
        promise: what may not differ: `bytes`, `numbers` (ids, figures, heads and features), or `tolerance`.
        same_ids: whether every cycle asked for the same samples, in the same order.
        asked_otherwise: of all that was asked for, the share that the reference did not ask for in the same cycle.
        same_bytes: whether every committed object has the same bytes.
        objects: keys of committed objects, without digests, that are missing or differ.
        figures: the largest difference of accuracy, macro F1 and calibration error.
        weights: the largest difference of a number in a head.
        features: the largest difference of features, in units of the last place of float16.
        first: the first cycle whose ids, head or figures differ; None where none does.
    """

    course: str
    circumstances: str
    promise: str
    same_ids: bool = True
    asked_otherwise: float = 0.0
    same_bytes: bool = True
    objects: list[str] = field(default_factory=list)
    figures: float = 0.0
    weights: float = 0.0
    features: int = 0
    first: int | None = None

    @property
    def same_numbers(self) -> bool:
        """Whether ids, figures, heads and features are the same."""
        return self.same_ids and self.first is None and not self.features


def compare(found: Outcome, reference: Outcome, difference: Difference) -> Difference:
    """Fill in how `found` differs from `reference`; only the cycles that both have are compared number by number."""
    difference.same_bytes = found.objects == reference.objects
    keys = {*found.objects, *reference.objects}
    difference.objects = sorted(key for key in keys if found.objects.get(key) != reference.objects.get(key))
    difference.same_ids = [one.ids for one in found.cycles] == [one.ids for one in reference.cycles]
    asked = otherwise = 0
    for number, (mine, theirs) in enumerate(zip(found.cycles, reference.cycles, strict=False)):
        asked += len(theirs.ids)
        otherwise += len(set(theirs.ids).difference(mine.ids))
        figures = max((abs(mine.metrics[one] - theirs.metrics[one]) for one in FIGURES if theirs.metrics), default=0.0)
        weights = max((_apart(mine.head[name], theirs.head[name]) for name in theirs.head), default=0.0)
        difference.figures = max(difference.figures, figures)
        difference.weights = max(difference.weights, weights)
        if difference.first is None and (figures or weights or mine.ids != theirs.ids):
            difference.first = number
    difference.asked_otherwise = otherwise / max(asked, 1)
    for mine_space, their_space in dict.fromkeys(zip(found.spaces, reference.spaces, strict=False)):
        difference.features = max(difference.features, _places_apart(found, mine_space, reference, their_space))
    return difference


def _apart(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    return float(np.abs(one.astype(np.float64) - other).max()) if one.shape == other.shape else float("inf")


def _places_apart(found: Outcome, space: str, reference: Outcome, other: str) -> int:
    """The largest difference of two spaces' numbers, counted in float16 numbers from one to the other."""
    (names, one), (other_names, two) = found.features(space), reference.features(other)
    if names != other_names:
        return 1 << 16
    return int(np.abs(_places(one) - _places(two)).max(initial=0))


def _places(numbers: npt.NDArray[np.float16]) -> npt.NDArray[np.int32]:
    """The number's place among all float16 numbers, from the lowest up."""
    bits = numbers.view(np.int16).astype(np.int32)
    return np.where(bits < 0, -(bits & 0x7FFF), bits)
