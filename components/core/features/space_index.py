"""The index of a feature space: what each part holds, so that a reader takes the parts that it needs and no others.

An index object lists parts of the space. For each it has the first and the last id, how many there are, and the digest
of the part's bytes; the part's name has the digest of its ids. The ids lie beside it, in the order of the parts.

Parts and index objects are named by their content and never change, so what an index object says of a part stays true
whoever wrote it and whatever came since. A space may therefore have several, written by shards that know nothing of
each other: together they say what each of them says. Parts in none of them, as earlier versions and killed runs have
left them, are read to know what they hold. What the listing of the space does not have is not there, whatever an index
says.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference, Record, read_named, read_object
from labelcycle.components.core.storage.tables import table_in, with_schema

VERSION = 1
"""Of index objects; one of another version is not read, and what it lists counts as not indexed."""

NAME = re.compile(r"index-(?P<parts>\d{7})-(?P<pools>\d{3})-[0-9a-f]{16}\.json")
IDS = pa.schema([pa.field("sample_id", pa.string(), nullable=False)])
REMEDY = "Delete it and run again: the embed stage gathers anew what it says."

Scope = Literal["all", "held_out", "captions"]
"""Which samples of a pool: all of them, those outside the split `pool`, or those in it that have captions."""


class IndexedPart(Record):
    """What a part of a space holds.

    Attributes:
        name: of its object within the space; it has digests of its ids and of its content.
        rows: how many samples.
        width: d, the numbers of a vector.
        first, last: the smallest and the largest id.
        sha256: of its bytes.
    """

    name: str
    rows: int
    width: int
    first: str
    last: str
    sha256: str


class Holding(Record):
    """A pool, all of whose samples of a scope are in the space, or were set aside as unreadable within what is allowed.

    Attributes:
        pool: SHA-256 of the pool's table.
        scope: which of its samples.
        samples: how many.
    """

    pool: str
    scope: Scope
    samples: int


class SpaceIndex(Record):
    """An index object.

    Attributes:
        version: of the format.
        parts: what it lists, by name.
        ids: the table of the ids of all these parts, one part after another.
        quarantine: names of the tables of unreadable samples that `holds` rests on, beside the parts.
        holds: pools that the listed parts hold.
    """

    version: int
    parts: list[IndexedPart]
    ids: ObjectReference
    quarantine: list[str] = []
    holds: list[Holding] = []


@dataclass(frozen=True)
class SpaceContents:
    """What a space has at one moment.

    Attributes:
        parts: names of all parts, sorted.
        quarantine: names of all tables of unreadable samples, sorted.
        maps: names of the tables of coordinates, of these parts or of earlier ones.
        indexed: what is known of parts, by name.
        indexes: the index objects that were read for that.
    """

    parts: list[str]
    quarantine: list[str]
    maps: list[str] = field(default_factory=list)
    indexed: dict[str, IndexedPart] = field(default_factory=dict)
    indexes: list[SpaceIndex] = field(default_factory=list)

    @property
    def unknown(self) -> list[str]:
        """Names of parts that no index object lists."""
        return [name for name in self.parts if name not in self.indexed]

    @property
    def holds(self) -> list[Holding]:
        """Pools that the space holds, by index objects all of whose parts are still there."""
        parts, quarantine = set(self.parts), set(self.quarantine)
        found: list[Holding] = []
        for index in self.indexes:
            if parts.issuperset(part.name for part in index.parts) and quarantine.issuperset(index.quarantine):
                found += [one for one in index.holds if one not in found]
        return found

    def holding(self, pool: str, scope: Scope) -> Holding | None:
        """What the space is known to hold of a pool; None where it is not known to hold it."""
        return next((one for one in self.holds if (one.pool, one.scope) == (pool, scope)), None)

    def indexed_ids(self, store: Store, space: str) -> Iterator[tuple[IndexedPart, pa.Array]]:
        """The ids of the parts that are indexed and there, read from beside the index objects, each part once."""
        wanted = set(self.parts)
        for index in self.indexes:
            if wanted.isdisjoint(part.name for part in index.parts):
                continue
            ids = _read_ids(store, space, index)
            start = 0
            for part in index.parts:
                if part.name in wanted:
                    wanted.remove(part.name)
                    yield part, ids.slice(start, part.rows)
                start += part.rows


def list_space(store: Store, space: str) -> SpaceContents:
    """What a space has, and what its index objects say of it.

    Cost: one listing, and a read for each index object until all parts are known: one where the embed stage has ended.
    """
    names = [key.rpartition("/")[2] for key in store.keys(f"spaces/{space}/")]
    listing = SpaceContents(
        parts=[name for name in names if name.startswith("part-")],
        quarantine=[name for name in names if name.startswith("quarantine-")],
        maps=[name for name in names if name.startswith("map-")],
    )
    there = set(names)
    unknown = set(listing.parts)
    for name in sorted(filter(NAME.fullmatch, names), reverse=True):
        if not unknown:
            break
        index = _read_index(store, f"spaces/{space}/{name}")
        if index is None or index.ids.key.rpartition("/")[2] not in there:
            continue
        known = {part.name: part for part in index.parts if part.name in unknown}
        if known:
            listing.indexes.append(index)
            listing.indexed.update(known)
            unknown.difference_update(known)
    return listing


def write_index(
    store: Store,
    space: str,
    parts: Iterable[tuple[IndexedPart, pa.Array]],
    quarantine: Sequence[str] = (),
    holds: Sequence[Holding] = (),
) -> None:
    """Write an index object of these parts and their ids: equal ones are one object, however often they are written."""
    ordered = sorted(parts, key=lambda pair: pair[0].name)
    ids = pa.chunked_array([ids for _, ids in ordered], pa.string())
    data = _ids_bytes(pa.table([ids], schema=IDS))
    digest = digest_of_bytes(data)
    reference = ObjectReference(key=f"spaces/{space}/ids-{digest[:16]}.parquet", sha256=digest)
    index = SpaceIndex(
        version=VERSION,
        parts=[part for part, _ in ordered],
        ids=reference,
        quarantine=sorted(quarantine),
        holds=sorted(holds, key=lambda one: (one.pool, one.scope)),
    )
    content = json.dumps(index.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    store.write(reference.key, data)
    name = f"index-{len(ordered):07d}-{len(holds):03d}-{digest_of_bytes(content)[:16]}.json"
    store.write(f"spaces/{space}/{name}", content)


def _read_index(store: Store, key: str) -> SpaceIndex | None:
    """The index object at a key; None for one of another version."""
    data = read_named(store, key, REMEDY)
    place = store.locate(key)
    try:
        version = json.loads(data)["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CampaignError(f"{place} is no index of a feature space: {error}. {REMEDY}") from error
    return SpaceIndex.from_json(data, place, REMEDY) if version == VERSION else None


def _read_ids(store: Store, space: str, index: SpaceIndex) -> pa.Array:
    """The ids of all parts that an index object lists, one part after another."""
    place = store.locate(index.ids.key)
    remedy = f"Delete it, and run again: the embed stage writes it again with the index of space {space}."
    try:
        table = with_schema(table_in(read_object(store, index.ids, remedy)), IDS)
        table.validate(full=True)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise CampaignError(f"{place} is damaged: {error}. {remedy}") from error
    if table.num_rows != sum(part.rows for part in index.parts):
        raise CampaignError(f"{place} holds {table.num_rows} ids, others than its index tells. {remedy}")
    return table["sample_id"].combine_chunks()


def _ids_bytes(table: pa.Table) -> bytes:
    """As Parquet in which each id is kept as what differs from the one before."""
    buffer = io.BytesIO()
    encoding = {"sample_id": "DELTA_BYTE_ARRAY"}
    pq.write_table(
        table, buffer, compression="zstd", use_dictionary=False, column_encoding=encoding, write_statistics=False
    )
    return buffer.getvalue()
