"""Two coordinates of every sample of a feature space, kept in it: the map of a report reads these, not all features.

Some samples, drawn by id, are laid out by t-SNE, so that who is near in the space is near on the map. Every other one
lies among the nearest of these. Like the index the coordinates are made from the parts and named by what they are made
from: where they are not there, they are made again, to the same bytes on any machine of a kind.
"""

from collections.abc import Iterable
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

LAID_OUT = 1000
"""Samples, drawn by id, that t-SNE lays out."""

MARKED = 8192
"""Samples, the first by the same hash, that are marked: who draws from the space rarely has to hash all of its ids."""

DIMENSIONS = 30
"""Principal components in which samples are compared."""

PERPLEXITY = 30
"""How many neighbours of a sample t-SNE looks at, about; a third of them all where there are fewer."""

ITERATIONS = 500

FEWEST = 5
"""Samples that are worth a layout; fewer lie by their first two principal components."""

NEIGHBOURS = 3
"""Samples of the layout that another one lies among."""

IDS_AT_ONCE = 1 << 16
"""Ids that are hashed at once."""

BLOCK_ROWS = 1024
"""Rows that are placed at once."""

DECIMALS = 3
"""Of the coordinates, of which the largest is 100: the last bits of sums do not show."""

COLUMNS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("first", pa.float32(), nullable=False),
        pa.field("second", pa.float32(), nullable=False),
        pa.field("marked", pa.bool_()),
    ]
)
REMEDY = "Delete it and run again: it is made from the features."

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MapCoordinates:
    """Where the samples of a space lie.

    Attributes:
        table: `sample_id`, sorted, float32 `first` and `second`, from -100 to 100, and whether the sample is `marked`,
            null where an earlier version wrote it. Coordinates have no unit, and no direction means anything.
    """

    table: pa.Table

    def draw(self, ids: pa.ChunkedArray, most: int) -> list[str]:
        """The same as `draw_by_id` of these ids of the space, at the price of a look at each where marked ones do."""
        marked = ids.filter(pc.is_in(ids, value_set=self.table.filter(self.table["marked"])["sample_id"]))
        return draw_by_id(marked if len(marked) >= most else ids, most)

    def among(self, ids: Iterable[str]) -> "MapCoordinates":
        """Those of some samples alone. Cost: one look at each id of the space."""
        wanted = pa.array(sorted(set(ids)), pa.string())
        return MapCoordinates(self.table.filter(pc.is_in(self.table["sample_id"], value_set=wanted)))

    def of(self, ids: list[str]) -> Doubles:
        """The coordinates of those of the ids that are here, in their order: float64 (n, 2).

        Cost: a table of all ids that are here, each time; see `among`.
        """
        places = pc.index_in(pa.array(ids, pa.string()), value_set=self.table["sample_id"].combine_chunks())
        rows = self.table.take(places.drop_null())
        columns = [rows[name].to_numpy().astype(np.float64) for name in ("first", "second")]
        return np.stack(columns, axis=1)


def map_coordinates(store: Store, space: str, listing: SpaceContents | None = None) -> MapCoordinates:
    """Those of all samples of a space; they are made, and kept, where they are not there.

    Args:
        store: the campaign's.
        space: its name.
        listing: what it has; None to look.

    Raises:
        CampaignError: the space is empty, or something in it is damaged.

    Cost: a listing and some ten bytes a sample. To make them, two passes over the features, and O(N · 1,000 · 30).
    """
    listing = listing or FeatureSpace(store, space).listing()
    return _read(store, _kept(space, listing) or keep_map_coordinates(store, space, listing))


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
    return _kept(space, listing) is not None


def _kept(space: str, listing: SpaceContents) -> str | None:
    """The key of the coordinates of just these parts; None where there are none."""
    keys = (f"spaces/{space}/{name}" for name in listing.maps)
    return next((key for key in keys if key.startswith(_prefix(space, listing))), None)


def _prefix(space: str, listing: SpaceContents) -> str:
    return f"spaces/{space}/map-{digest_of_json(listing.parts)[:16]}-"


def _read(store: Store, key: str) -> MapCoordinates:
    try:
        return MapCoordinates(with_schema(table_in(read_named(store, key, REMEDY, once=False)), COLUMNS))
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise CampaignError(f"{store.locate(key)} is damaged: {error}. {REMEDY}") from error


def _made(space: FeatureSpace, listing: SpaceContents) -> pa.Table:
    """The table of coordinates, sorted by id."""
    ids = pa.chunked_array([ids for _, ids in space.ids_by_part(listing)], pa.string())
    marked = pa.array(draw_by_id(ids, MARKED), pa.string())
    _, drawn = space.read_together([draw_by_id(pa.chunked_array([marked]), LAID_OUT)], listing)[0]
    layout = MapLayout(drawn)
    names, rows = list[pa.Array](), list[npt.NDArray[np.float32]]()
    for part, features in space.every_part(listing):
        names.append(part)
        rows.append(layout.place(features))
    placed = np.concatenate(rows)
    all_names = pa.chunked_array(names, pa.string())
    columns = [all_names, pa.array(placed[:, 0]), pa.array(placed[:, 1]), pc.is_in(all_names, value_set=marked)]
    table = pa.table(columns, schema=COLUMNS).sort_by("sample_id")
    again = pc.equal(table["sample_id"][1:], table["sample_id"][:-1]).to_numpy()
    return table.filter(np.concatenate([[True], ~again]))


def draw_by_id(ids: pa.ChunkedArray, most: int, block_rows: int = IDS_AT_ONCE) -> list[str]:
    """So many of the ids, drawn by a hash of each, sorted; all of them where there are no more.

    Cost: memory for a block of ids, whatever their number.
    """
    names, keys = np.empty(0, np.str_), np.empty(0, np.uint64)
    for start in range(0, len(ids), block_rows):
        block = np.array(ids.slice(start, block_rows).to_pylist(), dtype=np.str_)
        hashed = keyed_order(block, "feature map")
        if len(keys) == most:
            nearer = hashed <= keys[-1]
            block, hashed = block[nearer], hashed[nearer]
        names, keys = np.concatenate([names, block]), np.concatenate([keys, hashed])
        kept = np.lexsort((names, keys))[:most]
        names, keys = names[kept], keys[kept]
    return sorted(names.tolist())


class MapLayout:
    """A map of samples by t-SNE, on which others can be placed.

    Source: van der Maaten, Accelerating t-SNE using tree-based algorithms, JMLR 15, 2014, by scikit-learn. It begins at
    the principal components: Kobak and Berens, Nature Communications 10, 2019.
    Cost: about one and a half processor seconds for 1,000 samples, on one core, since more would sum in another order.
    """

    def __init__(self, features: npt.NDArray[np.float16]) -> None:
        """Lay out samples, (n, d), n ≥ 1, in an order that does not depend on files."""
        points = features.astype(np.float64)
        self._mean = points.mean(axis=0)
        self._directions = _principal_directions(points - self._mean)
        with one_thread_products():
            self._points = (points - self._mean) @ self._directions
        two = np.zeros((len(points), 2))
        two[:, : self._points.shape[1]] = self._points[:, :2]
        places = two if len(points) < FEWEST else _tsne(self._points, two)
        self._places = places * 100 / max(float(np.abs(places).max()), 1e-12)

    def place(self, features: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
        """Where other samples lie, (N, d) → float32 (N, 2): among the nearest of the layout, by inverse distance."""
        found = np.empty((len(features), 2), np.float32)
        squares = (self._points**2).sum(axis=1)
        with one_thread_products():
            for rows in blocks_of(len(features), BLOCK_ROWS):
                points = (features[rows].astype(np.float64) - self._mean) @ self._directions
                distances = squares - 2 * points @ self._points.T + (points**2).sum(axis=1)[:, None]
                found[rows] = np.round(self._among_nearest(distances.clip(0)), DECIMALS)
        return found + np.float32(0)

    def _among_nearest(self, distances: Doubles) -> Doubles:
        """Places by squared distances to the samples of the layout, (B, n) → (B, 2)."""
        nearest = np.argpartition(distances, min(NEIGHBOURS, distances.shape[1]) - 1, axis=1)[:, :NEIGHBOURS]
        weights = 1 / (np.take_along_axis(distances, nearest, axis=1) + 1e-9)
        weights /= weights.sum(axis=1, keepdims=True)
        found: Doubles = np.einsum("bk,bkc->bc", weights, self._places[nearest])
        return found


def _principal_directions(centred: Doubles) -> Doubles:
    """The directions in which points (n, d) differ most, at most `DIMENSIONS` of them: (d, k)."""
    with one_thread_products():
        _, directions = np.linalg.eigh(centred.T @ centred)
    first = directions[:, ::-1][:, :DIMENSIONS]
    found: Doubles = first * np.sign(first[np.abs(first).argmax(axis=0), np.arange(first.shape[1])])
    return found


def _tsne(points: Doubles, start: Doubles) -> Doubles:
    """t-SNE of points (n, k) from a start (n, 2), on one core."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    spread = max(float(start[:, 0].std()), 1e-12)
    model = TSNE(
        perplexity=min(PERPLEXITY, (len(points) - 1) / 3),
        max_iter=ITERATIONS,
        init=(start / spread * 1e-4).astype(np.float32),
        random_state=0,
        n_jobs=1,
    )
    with threadpool_limits(1):
        found: Doubles = model.fit_transform(points).astype(np.float64)
    return found
