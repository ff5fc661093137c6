"""The map of the feature space: a sample of the pool, what is labelled and queried, and what is mistaken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.pool_ids import pool_ids
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.features.blocks import one_thread_products
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.features.spaces import FeatureSpace, holds_pool
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.publish.charts import FINE, FONT, INK, PAGE_WIDTH, as_png, blank_figure

MOST = {"pool": 3000, "labelled": 1500, "asked": 1000, "test": 1500}
"""Samples of each kind that are looked at, drawn by id."""

LEAST = 3
"""Fewer points are no map."""

BLOCK_ROWS = 1 << 16
"""Ids that are hashed at once."""


@dataclass(frozen=True)
class MapPoints:
    """Coordinates along the two directions in which the pool differs most.

    Attributes:
        groups: coordinates by kind, each (n, 2), from -1 to 1 and rounded, so that the last bits of sums do not show:
            `pool`, `labelled`, `asked` (the new query), `wrong` (test samples that the model mistakes).
        test_samples: how many test samples were looked at.
        explained: share of the variance along each of the two directions.
    """

    groups: dict[str, npt.NDArray[np.float64]]
    test_samples: int
    explained: tuple[float, float]


def map_points(work: Attempt, asked: Iterable[str], most: Mapping[str, int] = MOST) -> MapPoints | None:
    """Points of this cycle; None where no feature space holds the pool.

    They are the same for any order of rows. The space is this cycle's, or, where the pool was not embedded in it
    because nothing more is asked, that of the backbone as it comes.

    Args:
        work: the attempt, trained.
        asked: ids of the new query.
        most: samples of each kind that are looked at.

    Raises:
        CampaignError: features are missing or damaged.

    Cost: one pass over the feature space, two where it lacks the pool; O(7,000 · d²).
    """
    chosen = _chosen(work, asked, most)
    wanted = sorted(set().union(*chosen.values()))
    own, base = work.read_record("training.json", TrainingFacts).space, work.campaign.base_space
    if holds_pool(work, own):
        found = tested = FeatureSpace(work.store, own).read(wanted)
    elif holds_pool(work, base):
        found = FeatureSpace(work.store, base).read(wanted)
        tested = FeatureSpace(work.store, own).read(chosen["test"]) if chosen["test"] else ([], found[1][:0])
    else:
        return None
    if len(found[0]) < LEAST:
        return None
    test = set(chosen.pop("test"))
    rows = [row for row, name in enumerate(tested[0]) if name in test]
    chosen["wrong"] = _mistaken(work, [tested[0][row] for row in rows], tested[1][rows])
    return _placed(chosen, *found, test_samples=len(rows))


def _chosen(work: Attempt, asked: Iterable[str], most: Mapping[str, int]) -> dict[str, list[str]]:
    """Ids of each kind; a sample is of one kind alone."""
    table = pool_ids(work.store, work.campaign)
    labelled, questions = set(work.labelled()), set(asked)
    known = pa.array(sorted(labelled | questions), pa.string())
    rest = table.filter(pc.and_(pc.equal(table["split"], "pool"), pc.invert(pc.is_in(table["sample_id"], known))))
    return {
        "pool": draw_by_id(rest["sample_id"], most["pool"]),
        "labelled": draw_by_id(_column(labelled - questions), most["labelled"]),
        "asked": draw_by_id(_column(questions), most["asked"]),
        "test": draw_by_id(_column(set(work.tested())), most["test"]),
    }


def draw_by_id(ids: pa.ChunkedArray, most: int, block_rows: int = BLOCK_ROWS) -> list[str]:
    """So many of the ids, drawn by a hash of each, sorted; all of them where there are no more.

    Cost: memory for a block of ids, whatever their number.
    """
    names, keys = np.empty(0, np.str_), np.empty(0, np.uint64)
    for start in range(0, len(ids), block_rows):
        block = np.array(ids.slice(start, block_rows).to_pylist(), dtype=np.str_)
        names, keys = np.concatenate([names, block]), np.concatenate([keys, keyed_order(block, "feature map")])
        kept = np.lexsort((names, keys))[:most]
        names, keys = names[kept], keys[kept]
    return sorted(names.tolist())


def _column(ids: set[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(sorted(ids), pa.string())])


def _mistaken(work: Attempt, names: list[str], features: npt.NDArray[np.float16]) -> list[str]:
    """Test samples that the model takes for another class."""
    if not names:
        return []
    truth, classes = work.tested(), work.campaign.classes
    predicted = read_head(work.read("head.safetensors")).probabilities(features).argmax(axis=1)
    return [name for name, number in zip(names, predicted.tolist(), strict=True) if classes[number] != truth[name]]


def _placed(chosen: dict[str, list[str]], names: list[str], features: npt.NDArray[Any], test_samples: int) -> MapPoints:
    rows = {name: row for row, name in enumerate(names)}
    kinds = {kind: [rows[name] for name in ids if name in rows] for kind, ids in chosen.items()}
    points = features.astype(np.float64)
    known = np.array(sorted({row for kind, found in kinds.items() if kind != "wrong" for row in found}), np.int64)
    coordinates, explained = principal_components(points, known)
    coordinates = np.round(coordinates / max(float(np.abs(coordinates).max()), 1e-12), 4)
    return MapPoints({kind: coordinates[found] for kind, found in kinds.items()}, test_samples, explained)


def principal_components(
    points: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], tuple[float, float]]:
    """Coordinates of all points along the two directions of largest variance of some, and the shares of these."""
    centred = points - points[rows].mean(axis=0)
    with one_thread_products():
        variances, directions = np.linalg.eigh(centred[rows].T @ centred[rows])
    two = directions[:, ::-1][:, :2]
    two = two * np.sign(two[np.abs(two).argmax(axis=0), np.arange(two.shape[1])])
    total = max(float(variances.clip(0).sum()), 1e-12)
    shares = [*(variances[::-1][:2].clip(0) / total).tolist(), 0.0][:2]
    coordinates = np.zeros((len(points), 2))
    coordinates[:, : two.shape[1]] = centred @ two
    return coordinates, (shares[0], shares[1])


TEXT_SIZE = 10
STYLES = {
    "pool": ("pool", "#afb8c1", "o", 7, 0.6),
    "labelled": ("labelled", "#0969da", "o", 16, 0.9),
    "asked": ("asked next", "#d4a72c", "D", 22, 1.0),
    "wrong": ("mistaken in the test set", "#cf222e", "x", 20, 0.9),
}
"""Of each kind, in the order of drawing: its name, colour, marker, size and opacity."""


def draw_feature_map(points: MapPoints) -> bytes:
    """Draw the kinds of points over one another, pool first.

    Returns:
        A PNG of 768×736 pixels, the same bytes for the same points.
    """
    figure, axes = blank_figure(PAGE_WIDTH, 4.6, FINE)
    for kind, (name, colour, marker, size, opacity) in STYLES.items():
        at = points.groups[kind]
        if len(at):
            is_line = marker == "x"
            axes.scatter(
                at[:, 0],
                at[:, 1],
                s=size,
                c=colour,
                marker=marker,
                alpha=opacity,
                label=f"{name} ({len(at):,})",
                edgecolors=None if is_line else INK if kind == "asked" else "none",
                linewidths=None if is_line else 0.5,
            )
    axes.set_xticks([])
    axes.set_yticks([])
    first, second = points.explained
    axes.set_xlabel(f"first component, {first:.0%} of the variance", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    axes.set_ylabel(f"second component, {second:.0%}", color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    figure.legend(
        loc="outside upper left",
        ncols=2,
        frameon=False,
        labelcolor=INK,
        markerscale=1.4,
        prop={"family": FONT, "size": TEXT_SIZE},
    )
    return as_png(figure)
