"""Points of the map of the feature space: a sample of the pool, what is labelled and asked, and what is mistaken."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from labelcycle.components.core.attempt import Attempt
from labelcycle.components.core.campaign import load_pool, load_truth
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.heads import read_head
from labelcycle.components.core.ordering import keyed_order
from labelcycle.components.core.spaces import FeatureSpace

MOST = {"pool": 3000, "labelled": 1500, "asked": 1000, "test": 1500}
"""Samples of each kind that are looked at, drawn by id."""


@dataclass(frozen=True)
class MapPoints:
    """Coordinates along the two directions in which the pool differs most.

    Attributes:
        groups: coordinates by kind, each (n, 2): `pool`, `labelled`, `asked` (the new query), `wrong` (test samples
            that the model mistakes).
        test_samples: how many test samples were looked at.
        explained: share of the variance along each of the two directions.
    """

    groups: dict[str, npt.NDArray[np.float64]]
    test_samples: int
    explained: tuple[float, float]


def map_points(work: Attempt, asked: Iterable[str]) -> MapPoints | None:
    """Points of this cycle; None where no feature space holds them all.

    They are the same for any order of rows. The space is this cycle's, or, where the pool was not embedded in it
    because nothing more is asked, that of the backbone as it comes.

    Args:
        work: the attempt, trained.
        asked: ids of the new query.

    Cost: one pass over the feature space, and O(7,000 · d²).
    """
    space = work.read_json("training.json")["space"]
    chosen = _chosen(work, asked)
    wrong = _mistaken(work, space, chosen.pop("test"))
    if wrong is None:
        return None
    mistaken, test_samples = wrong
    chosen["wrong"] = mistaken
    wanted = sorted(set().union(*chosen.values()))
    for name in dict.fromkeys((space, work.campaign.base_space)):
        found = _read(FeatureSpace(work.store, name), wanted)
        if found is not None and len(found[0]) > 2:
            return _placed(chosen, *found, test_samples)
    return None


def _chosen(work: Attempt, asked: Iterable[str]) -> dict[str, list[str]]:
    """Ids of each kind, in order of importance for drawing: a sample is of one kind alone."""
    table = load_pool(work.store, work.campaign)
    of_split = {
        split: table.filter(pc.equal(table["split"], split))["sample_id"].to_pylist() for split in ("pool", "test")
    }
    labelled, questions = set(work.labelled()), set(asked)
    rest = [name for name in of_split["pool"] if name not in labelled and name not in questions]
    kinds = {
        "pool": rest,
        "labelled": sorted(labelled - questions),
        "asked": sorted(questions),
        "test": of_split["test"],
    }
    return {kind: _drawn(ids, MOST[kind]) for kind, ids in kinds.items()}


def _drawn(ids: list[str], most: int) -> list[str]:
    if len(ids) <= most:
        return sorted(ids)
    names = np.array(ids, dtype=np.str_)
    return sorted(names[np.argsort(keyed_order(names, "feature map"), kind="stable")[:most]].tolist())


def _mistaken(work: Attempt, space: str, ids: list[str]) -> tuple[list[str], int] | None:
    """Test samples that the model takes for another class, and how many were looked at."""
    found = _read(FeatureSpace(work.store, space), ids)
    if found is None:
        return None
    names, features = found
    truth = load_truth(work.store, work.campaign)
    predicted = read_head(work.read("head.safetensors")).probabilities(features).argmax(axis=1)
    classes = work.campaign.classes
    wrong = [name for name, number in zip(names, predicted.tolist(), strict=True) if classes[number] != truth[name]]
    return wrong, len(names)


def _read(space: FeatureSpace, ids: list[str]) -> tuple[list[str], npt.NDArray[np.float16]] | None:
    """Features of the samples that are readable; None where the space lacks some that nothing needed there."""
    try:
        return space.read(ids)
    except CampaignError:
        return None


def _placed(chosen: dict[str, list[str]], names: list[str], features: npt.NDArray[Any], test_samples: int) -> MapPoints:
    rows = {name: row for row, name in enumerate(names)}
    kinds = {kind: [rows[name] for name in ids if name in rows] for kind, ids in chosen.items()}
    points = features.astype(np.float64)
    known = np.array(sorted({row for kind, found in kinds.items() if kind != "wrong" for row in found}), np.int64)
    coordinates, explained = _principal_components(points, known)
    return MapPoints({kind: coordinates[found] for kind, found in kinds.items()}, test_samples, explained)


def _principal_components(
    points: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], tuple[float, float]]:
    """Coordinates of all points along the two directions of largest variance of some, and the shares of these."""
    centred = points - points[rows].mean(axis=0)
    variances, directions = np.linalg.eigh(centred[rows].T @ centred[rows])
    two = directions[:, ::-1][:, :2]
    two = two * np.sign(two[np.abs(two).argmax(axis=0), np.arange(two.shape[1])])
    total = max(float(variances.clip(0).sum()), 1e-12)
    shares = [*(variances[::-1][:2].clip(0) / total).tolist(), 0.0][:2]
    coordinates = np.zeros((len(points), 2))
    coordinates[:, : two.shape[1]] = centred @ two
    return coordinates, (shares[0], shares[1])
