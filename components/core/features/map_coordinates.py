"""Two coordinates of every sample of a feature space, kept in it: the map of a report reads these, not all features.

The coordinates lie along the two directions in which samples differ most. Like the index they are made from the parts
and named by what they are made from: where they are not there, they are made again, to the same bytes.
"""

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.digests import digest_of_bytes, digest_of_json
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.blocks import blocks_of, one_thread_products
from labelcycle.components.core.features.ordering import keyed_order
from labelcycle.components.core.features.space_index import SpaceContents
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import read_named
from labelcycle.components.core.storage.tables import features_bytes, table_in, with_schema

DRAWN = 4096
"""Samples, drawn by id, whose features the directions are of."""

IDS_AT_ONCE = 1 << 16
"""Ids that are hashed at once."""

BLOCK_ROWS = 1024
"""Rows that are placed at once."""

DECIMALS = 3
"""Of the coordinates, whose spread along the first direction is 1: the last bits of sums do not show."""

COLUMNS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("first", pa.float32(), nullable=False),
        pa.field("second", pa.float32(), nullable=False),
    ]
)
EXPLAINED = b"labelcycle.explained"
REMEDY = "Delete it and run again: it is made from the features."

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MapCoordinates:
    """Where the samples of a space lie.

    Attributes:
        table: `sample_id`, sorted, and float32 `first` and `second`, in deviations along the first direction.
        explained: share of the variance along each of the two directions.
    """

    table: pa.Table
    explained: tuple[float, float]

    def of(self, ids: list[str]) -> tuple[list[str], Doubles]:
        """Those of the ids that the space has, in their order, and their coordinates, float64 (n, 2)."""
        places = pc.index_in(pa.array(ids, pa.string()), value_set=self.table["sample_id"].combine_chunks())
        found = [name for name, place in zip(ids, places.to_pylist(), strict=True) if place is not None]
        rows = self.table.take(places.drop_null())
        columns = [rows[name].to_numpy().astype(np.float64) for name in ("first", "second")]
        return found, np.stack(columns, axis=1)


def map_coordinates(store: Store, space: str) -> MapCoordinates:
    """Those of all samples of a space; they are made, and kept, where they are not there.

    Raises:
        CampaignError: the space is empty, or something in it is damaged.

    Cost: a listing and some ten bytes a sample. To make them, two passes over the features.
    """
    listing = FeatureSpace(store, space).listing()
    keys = store.keys(_prefix(space, listing))
    if not keys:
        return _read(store, keep_map_coordinates(store, space, listing))
    return _read(store, keys[0])


def keep_map_coordinates(store: Store, space: str, listing: SpaceContents) -> str:
    """Make the coordinates of all samples of a space and write them; the key that they have.

    Args:
        store: the campaign's.
        space: its name.
        listing: what it has.

    Raises:
        CampaignError: it is empty, or something in it is damaged.
    """
    content = features_bytes(_made(FeatureSpace(store, space), listing))
    key = f"{_prefix(space, listing)}{digest_of_bytes(content)[:16]}.parquet"
    store.write(key, content)
    return key


def has_map_coordinates(space: str, listing: SpaceContents) -> bool:
    """Whether those of all samples that a space now has are there, by the listing alone."""
    prefix = _prefix(space, listing).rpartition("/")[2]
    return any(name.startswith(prefix) for name in listing.maps)


def _prefix(space: str, listing: SpaceContents) -> str:
    return f"spaces/{space}/map-{digest_of_json(listing.parts)[:16]}-"


def _read(store: Store, key: str) -> MapCoordinates:
    try:
        table = table_in(read_named(store, key, REMEDY, once=False))
        shares = json.loads(table.schema.metadata[EXPLAINED])
        return MapCoordinates(with_schema(table, COLUMNS), (float(shares[0]), float(shares[1])))
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, IndexError) as error:
        raise CampaignError(f"{store.locate(key)} is damaged: {error}. {REMEDY}") from error


def _made(space: FeatureSpace, listing: SpaceContents) -> pa.Table:
    """The table of coordinates, sorted by id."""
    ids = pa.chunked_array([ids for _, ids in space.ids_by_part(listing)], pa.string())
    _, drawn = space.read_together([draw_by_id(ids, DRAWN)], listing)[0]
    mean, directions, explained = principal_directions(drawn.astype(np.float64))
    names, rows = list[pa.Array](), list[npt.NDArray[np.float32]]()
    for part, features in space.every_part(listing):
        names.append(part)
        rows.append(_placed(features, mean, directions))
    placed = np.concatenate(rows)
    columns = [pa.chunked_array(names, pa.string()), pa.array(placed[:, 0]), pa.array(placed[:, 1])]
    table = pa.table(columns, schema=COLUMNS).sort_by("sample_id")
    again = pc.equal(table["sample_id"][1:], table["sample_id"][:-1]).to_numpy()
    table = table.filter(np.concatenate([[True], ~again]))
    return table.replace_schema_metadata({EXPLAINED: json.dumps(explained).encode()})


def draw_by_id(ids: pa.ChunkedArray, most: int, block_rows: int = IDS_AT_ONCE) -> list[str]:
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


def _placed(features: npt.NDArray[np.float16], mean: Doubles, directions: Doubles) -> npt.NDArray[np.float32]:
    found = np.empty((len(features), 2), np.float32)
    with one_thread_products():
        for rows in blocks_of(len(features), BLOCK_ROWS):
            found[rows] = np.round((features[rows].astype(np.float64) - mean) @ directions, DECIMALS)
    return found + np.float32(0)


def principal_directions(points: Doubles) -> tuple[Doubles, Doubles, tuple[float, float]]:
    """The two directions in which points differ most.

    Args:
        points: (n, d), n ≥ 1.

    Returns:
        Their mean, (d,); the directions, (d, 2), so long that the spread along the first one is 1, with zeros where
        there is no second one; and the share of the variance along each.

    Cost: O(n · d² + d³).
    """
    mean = points.mean(axis=0)
    centred = points - mean
    with one_thread_products():
        variances, directions = np.linalg.eigh(centred.T @ centred)
    variances, two = variances[::-1].clip(0), directions[:, ::-1][:, :2]
    two = two * np.sign(two[np.abs(two).argmax(axis=0), np.arange(two.shape[1])])
    total = max(float(variances.sum()), 1e-12)
    shares = [*(variances[:2] / total).tolist(), 0.0][:2]
    found = np.zeros((points.shape[1], 2))
    found[:, : two.shape[1]] = two / max(float(np.sqrt(variances[0] / len(points))), 1e-12)
    return mean, found, (shares[0], shares[1])
