"""The map of the feature space: a sample of the pool, what is labelled and queried, and what is mistaken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.pool_ids import ids_in_split
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.features.map_coordinates import (
    MapCoordinates,
    draw_by_id,
    has_map_coordinates,
    map_coordinates,
)
from labelcycle.components.core.features.spaces import FeatureSpace, holds_pool
from labelcycle.components.publish.charts import FINE, FONT, INK, PAGE_WIDTH, as_png, blank_figure

MOST = {"pool": 3000, "labelled": 1500, "asked": 1000}
"""Samples of each kind that are looked at, drawn by id."""

LEAST = 3
"""Fewer points are no map."""


@dataclass(frozen=True)
class MapPoints:
    """Places on a map on which samples lie near those whose features are near theirs.

    Attributes:
        groups: coordinates by kind, each (n, 2), from -1 to 1 and rounded:
            `pool`, `labelled`, `asked` (the new query), `wrong` (test samples that the model mistakes).
    """

    groups: dict[str, npt.NDArray[np.float64]]


def map_points(
    work: Attempt, asked: Iterable[str], mistaken: Iterable[str], most: Mapping[str, int] = MOST
) -> MapPoints | None:
    """Points of this cycle; None where no feature space holds the pool.

    They are the same for any order of rows. The space is this cycle's, or, where the pool was not embedded in it
    because nothing more is asked, that of the backbone as it comes.

    Args:
        work: the attempt, trained.
        asked: ids of the new query.
        mistaken: ids of test samples that the model mistakes.
        most: samples of each kind that are looked at.

    Raises:
        CampaignError: features are missing or damaged.

    Cost: the coordinates of the space, some ten bytes a sample, and the ids of the pool.
    """
    own, base = work.read_record("training.json", TrainingFacts).space, work.campaign.base_space
    space = next((name for name in (own, base) if holds_pool(work, name)), None)
    if space is None:
        return None
    wrong = list(mistaken)
    points = _coordinates(work, space, wrong if space == own else [])
    chosen = {**_chosen(work, points, asked, most), "wrong": wrong}
    few = points.among(chain.from_iterable(chosen.values()))
    groups = {kind: few.of(ids) for kind, ids in chosen.items()}
    if sum(len(found) for kind, found in groups.items() if kind != "wrong") < LEAST:
        return None
    return MapPoints(_within_one(groups))


def _coordinates(work: Attempt, space: str, tested: list[str]) -> MapCoordinates:
    """Those of the space that holds the pool, and these test samples.

    Raises:
        CampaignError: features of what was embedded were deleted since, so that the space has other coordinates.
    """
    features = FeatureSpace(work.store, space)
    listing = features.listing()
    if not has_map_coordinates(space, listing):
        features.refuse_missing({*ids_in_split(work.pool_ids, "pool"), *tested} - features.ids(listing))
    return map_coordinates(work.store, space, listing)


def _chosen(
    work: Attempt, points: MapCoordinates, asked: Iterable[str], most: Mapping[str, int]
) -> dict[str, list[str]]:
    """Ids of the pool and of what is labelled and asked; a sample is of one kind alone."""
    table = work.pool_ids
    labelled, questions = set(work.labelled()), set(asked)
    known = pa.array(sorted(labelled | questions), pa.string())
    rest = table.filter(pc.and_(pc.equal(table["split"], "pool"), pc.invert(pc.is_in(table["sample_id"], known))))
    return {
        "pool": points.draw(rest["sample_id"], most["pool"]),
        "labelled": draw_by_id(_column(labelled - questions), most["labelled"]),
        "asked": draw_by_id(_column(questions), most["asked"]),
    }


def _column(ids: Iterable[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(sorted(ids), pa.string())])


def _within_one(groups: dict[str, npt.NDArray[np.float64]]) -> dict[str, npt.NDArray[np.float64]]:
    """The same, in the unit that makes the largest coordinate 1."""
    largest = max(float(np.abs(found).max(initial=0.0)) for found in groups.values())
    return {kind: np.round(found / max(largest, 1e-12), 4) for kind, found in groups.items()}


NEAR = "t-SNE: samples with similar features lie together"

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
    axes.set_xlabel(NEAR, color=INK, fontfamily=FONT, fontsize=TEXT_SIZE)
    figure.legend(
        loc="outside upper left",
        ncols=2,
        frameon=False,
        labelcolor=INK,
        markerscale=1.4,
        prop={"family": FONT, "size": TEXT_SIZE},
    )
    return as_png(figure)
