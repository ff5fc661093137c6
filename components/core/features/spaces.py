"""Feature spaces: the pool's features under one backbone, one transform and one adapter, in Parquet parts."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.config.embedding import Provenance
from labelcycle.components.core.digests import digest_of_bytes, digest_of_json
from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.core.features.provenance import DIGITS, PROVENANCE, AnyProvenance
from labelcycle.components.core.features.space_index import (
    Holding,
    IndexedPart,
    Listing,
    list_space,
    write_index,
)
from labelcycle.components.core.features.wanted_rows import WantedRows
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import one_after_another
from labelcycle.components.core.storage.objects import read_named, write_json
from labelcycle.components.core.storage.parquet_files import open_parquet
from labelcycle.components.core.storage.tables import (
    QUARANTINE,
    column_to_matrix,
    features_bytes,
    features_schema,
    matrix_to_column,
    table_bytes,
    with_schema,
)

BYTES_A_NUMBER = 2
"""Features are float16."""

NAME_OF_PART = re.compile(r"(?:part|quarantine)-[0-9a-f]{16}-[0-9a-f]{16}\.parquet")

EMBED = (
    "Run the embed stage, with the platform's cache switched off; imported features are written by the same labelcycle "
    "init."
)

WRITE_ANEW = (
    "Delete it and run again: embed writes it again; imported features are written by the same labelcycle init."
)


class FeatureSpace:
    """Rows of features by sample id. Parts are only ever added, each written atomically."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.name = name
        self._added: dict[str, tuple[IndexedPart, pa.Array]] = {}

    def describe(self, provenance: Provenance) -> None:
        """Write `space.json`, which says what the space was made from."""
        write_json(self._store, self._key("space.json"), provenance.as_json())

    def provenance(self) -> AnyProvenance:
        """What the space was made from, as `space.json` has it.

        Raises:
            CampaignError: it is gone, or not what the space's name is the digest of.
        """
        key = self._key("space.json")
        try:
            found = json.loads(self._store.read(key))
            if digest_of_json(found)[:DIGITS] == self.name:
                return PROVENANCE.validate_python(found)
            fault = "is not what its folder is named by"
        except FileNotFoundError:
            fault = "is gone"
        except (ValueError, RecursionError) as error:
            fault = f"is not JSON: {error}"
        raise CampaignError(
            f"{self._store.locate(key)} {fault}. Restore it, or write it again with the same labelcycle init or the "
            "embed stage."
        )

    def listing(self) -> Listing:
        """What the space has now, and what is known of its parts without reading them."""
        return list_space(self._store, self.name)

    def ids(self, listing: Listing | None = None) -> set[str]:
        """Ids of all samples that have features here.

        Args:
            listing: what the space has; None to look.

        Cost: reads the ids beside the index, and every part that is not indexed.
        """
        found: set[str] = set()
        for _, ids in self._ids_by_part(listing or self.listing()):
            found.update(ids.to_pylist())
        return found

    def add(self, ids: Sequence[str], features: npt.NDArray[np.float16]) -> None:
        """Add rows as one part, named by its ids and its content. Rows that are there already stay as they are.

        Args:
            ids: B sample ids, B ≥ 1.
            features: float16, shape (B, d).

        Raises:
            InputError: a value is NaN or infinite; the samples are named.
        """
        bad = ~np.isfinite(features).all(axis=1)
        if bad.any():
            names = ", ".join(repr(ids[row]) for row in np.flatnonzero(bad)[:5])
            raise InputError(
                f"{int(bad.sum())} feature vectors hold NaN or infinite values (or values beyond float16's ±65504): "
                f"{names}. Mend or remove these samples."
            )
        column = pa.array(ids, pa.string())
        table = pa.table([column, matrix_to_column(features)], schema=features_schema(features.shape[1]))
        name = f"part-{digest_of_json(list(ids))[:16]}"
        if not self._store.keys(self._key(f"{name}-")):
            data = features_bytes(table)
            digest = digest_of_bytes(data)
            name = f"{name}-{digest[:16]}.parquet"
            self._store.write(self._key(name), data)
            self._added[name] = (_described(name, digest, column, features.shape[1]), column)

    def knows(self, listing: Listing) -> bool:
        """Whether it is known without reading what every part holds: by an index, or because it was added here."""
        return self._added.keys() >= set(listing.unknown)

    def index_added(self) -> None:
        """List the parts that this process has added in an index object of their own; none where it has added none."""
        if self._added:
            write_index(self._store, self.name, self._added.values())

    def index_all(self, listing: Listing, holding: Holding | None = None) -> None:
        """List all parts in one index object.

        Args:
            listing: what the space has.
            holding: a pool that it holds, to be noted beside those that it was known to hold.

        Cost: as `ids`.
        """
        holds = listing.holds
        if holding is not None and holding not in holds:
            holds = [*holds, holding]
        write_index(self._store, self.name, self._ids_by_part(listing), listing.quarantine, holds)

    def read(self, ids: Sequence[str] | None = None) -> tuple[list[str], npt.NDArray[np.float16]]:
        """Features of `ids` (or of all samples), sorted by id; samples that were set aside as unreadable are left out.

        Returns:
            The ids found, and their features: float16, shape (rows, d).

        Raises:
            CampaignError: a sample has no features and was not set aside either; or a part is damaged, or none of
                labelcycle's.

        Cost: reads the parts within whose first and last ids a wanted one lies. Memory for the wanted rows, and for a
        few parts at a time beside them.
        """
        listing = self.listing()
        return self.read_together([sorted(self.ids(listing)) if ids is None else ids], listing)[0]

    def read_together(
        self, groups: Sequence[Iterable[str]], listing: Listing | None = None
    ) -> list[tuple[list[str], npt.NDArray[np.float16]]]:
        """What `read` gives for each group of ids; a part that several groups need is read once."""
        listing = listing or self.listing()
        wanted = [WantedRows(ids) for ids in groups]
        for names, features in self._parts_with(wanted, listing):
            for group in wanted:
                group.take(names, features)
        return self._found(wanted, listing)

    def parts(self, ids: Iterable[str], beside: Sequence[WantedRows] = ()) -> Iterator[npt.NDArray[np.float16]]:
        """Features of those of `ids` that have any, part by part, in no order that can be relied on, each id once.

        Args:
            ids: whose features.
            beside: rows that are gathered on the way, so that no part has to be read for them again.

        Raises:
            CampaignError: a part is damaged, or none of labelcycle's.

        Cost: memory for the ids and a few parts.
        """
        among = WantedRows(ids)
        for names, features in self._parts_with([among, *beside], self.listing()):
            for group in beside:
                group.take(names, features)
            rows = among.mark(names)
            if len(rows):
                yield features if len(rows) == len(features) else features[rows]

    def refuse_lost(self, wanted: WantedRows) -> None:
        """See that every wanted sample was found, or set aside as unreadable.

        Raises:
            CampaignError: some were not. A platform's cache may have left out an embed stage whose features have been
                deleted since.
        """
        missing = wanted.missing()
        lost = sorted(missing.difference(row["sample_id"] for row in self.quarantined())) if missing else []
        if lost:
            raise CampaignError(
                f"{len(lost)} samples have no features in {self._store.locate(f'spaces/{self.name}')}: {lost[0]!r}, … "
                f"{EMBED}"
            )

    def quarantine(self, rows: list[dict[str, str]]) -> None:
        """Add a table of unreadable samples: sample_id, uri and reason of each."""
        data = table_bytes(pa.Table.from_pylist(rows, schema=QUARANTINE))
        ids = digest_of_json([row["sample_id"] for row in rows])[:16]
        self._store.write(self._key(f"quarantine-{ids}-{digest_of_bytes(data)[:16]}.parquet"), data)

    def quarantined(self, listing: Listing | None = None) -> list[dict[str, str]]:
        """Samples that could not be embedded, sorted by id: sample_id, uri and a reason of each."""
        if listing is None:
            names = [key.rpartition("/")[2] for key in self._store.keys(self._key("quarantine-"))]
        else:
            names = listing.quarantine
        rows: dict[str, dict[str, str]] = {}
        for name in names:
            rows |= {row["sample_id"]: row for row in self._read_table(name)[0].to_pylist()}
        return [rows[sample_id] for sample_id in sorted(rows)]

    def _key(self, name: str) -> str:
        return f"spaces/{self.name}/{name}"

    def _found(self, wanted: Sequence[WantedRows], listing: Listing) -> list[tuple[list[str], npt.NDArray[np.float16]]]:
        for group in wanted:
            self.refuse_lost(group)
        width = next((group.width for group in wanted if group.width is not None), None)
        if width is None:
            width = self._read_part(listing.parts[0])[1].shape[1]
        return [group.found(width) for group in wanted]

    def _parts_with(
        self, wanted: Sequence[WantedRows], listing: Listing
    ) -> Iterator[tuple[pa.Array, npt.NDArray[np.float16]]]:
        """Ids and features of every part that may hold a wanted sample, in the order of their names.

        Raises:
            CampaignError: the space is empty, or its parts hold vectors of several widths.
        """
        if not listing.parts:
            raise CampaignError(f"Feature space {self.name} of {self._store.root} is empty. {EMBED}")
        widths = {part.width for part in listing.indexed.values()}
        size = max((part.rows * part.width for part in listing.indexed.values()), default=0) * BYTES_A_NUMBER
        for names, features in one_after_another(self._read_part, self._may_hold(listing, wanted), size):
            widths.add(features.shape[1])
            if len(widths) > 1:
                place = self._store.locate(f"spaces/{self.name}")
                raise CampaignError(
                    f"The parts of {place} hold vectors of {sorted(widths)} values. Delete the folder and run again."
                )
            yield names, features

    def _may_hold(self, listing: Listing, wanted: Sequence[WantedRows]) -> list[str]:
        """Names of the parts that hold a wanted sample, and of those of which that is not known, sorted.

        First and last ids tell, where the ranges of parts do not overlap. Where they do the ids of the parts are read.
        """
        within = {
            name: part
            for name, part in listing.indexed.items()
            if any(group.any_between(part.first, part.last) for group in wanted)
        }
        if _overlap(within.values()):
            for part, ids in listing.indexed_ids(self._store, self.name):
                if part.name in within and not any(group.wants_any(ids) for group in wanted):
                    del within[part.name]
        return sorted([*within, *listing.unknown])

    def _ids_by_part(self, listing: Listing) -> Iterator[tuple[IndexedPart, pa.Array]]:
        """What every part holds; parts that are not indexed, and were not added by this process, are read."""
        yield from listing.indexed_ids(self._store, self.name)
        unknown = [name for name in listing.unknown if name not in self._added]
        yield from (self._added[name] for name in listing.unknown if name in self._added)
        yield from one_after_another(self._described_part, unknown)

    def _described_part(self, name: str) -> tuple[IndexedPart, pa.Array]:
        table, digest = self._read_table(name)
        column = table["sample_id"].combine_chunks()
        return _described(name, digest, column, table.schema.field("feature").type.list_size), column

    def _read_part(self, name: str) -> tuple[pa.Array, npt.NDArray[np.float16]]:
        table, _ = self._read_table(name)
        return table["sample_id"].combine_chunks(), column_to_matrix(table["feature"]).astype(np.float16, copy=False)

    def _read_table(self, name: str) -> tuple[pa.Table, str]:
        """The table of that name, which ends in the digest that its content must have; and that digest in full."""
        key = self._key(name)
        if not NAME_OF_PART.fullmatch(name):
            raise CampaignError(
                f"{self._store.locate(key)} is none of labelcycle's files: its name does not end in the digest of its "
                "content. Move it elsewhere and run again."
            )
        try:
            data = read_named(self._store, key, WRITE_ANEW, once=False)
            with open_parquet(data, once=False) as file:
                schema = _schema_of(file.schema_arrow, name)
                table = with_schema(file.read(schema.names, use_threads=False), schema)
                table.validate(full=True)
                return table, digest_of_bytes(data)
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            raise CampaignError(f"{self._store.locate(key)} is damaged: {error}. {WRITE_ANEW}") from error


def _described(name: str, sha256: str, ids: pa.Array, width: int) -> IndexedPart:
    ends = pc.min_max(ids).as_py()
    first, last = ends["min"] or "", ends["max"] or ""
    return IndexedPart(name=name, rows=len(ids), width=width, first=first, last=last, sha256=sha256)


def _overlap(parts: Iterable[IndexedPart]) -> bool:
    """Whether the ranges of two of the parts have something in common."""
    ordered = sorted(parts, key=lambda part: part.first)
    return any(left.last >= right.first for left, right in zip(ordered, ordered[1:], strict=False))


def _schema_of(found: pa.Schema, name: str) -> pa.Schema:
    """The schema that the table of that name must have.

    Raises:
        KeyError, ValueError: its features are no vectors of one width.
    """
    if name.startswith("quarantine-"):
        return QUARANTINE
    vectors = found.field("feature").type
    if not pa.types.is_fixed_size_list(vectors):
        raise ValueError(f"its features are {vectors}")
    return features_schema(vectors.list_size)


def holds_pool(work: Attempt, space: str) -> bool:
    """Whether every readable sample of the pool must have its features in a space once this cycle is embedded.

    Args:
        work: the attempt.
        space: the campaign's base space, or that of this cycle's model.
    """
    campaign = work.campaign
    if space == campaign.base_space and (campaign.backbone is None or campaign.recipe.uses_base_features):
        return True
    asks_for_more = work.decision.query_size > 0
    return asks_for_more and space == work.read_record("training.json", TrainingFacts).space
