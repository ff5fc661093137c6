"""Feature spaces: the pool's features under one backbone, one transform and one adapter, in Parquet parts."""

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.config.embedding import Provenance
from labelcycle.components.core.digests import digest_of_json
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.features.part_files import PartFiles
from labelcycle.components.core.features.provenance import DIGITS, PROVENANCE, AnyProvenance
from labelcycle.components.core.features.space_index import (
    Holding,
    IndexedPart,
    SpaceContents,
    list_space,
    write_index,
)
from labelcycle.components.core.features.wanted_rows import WantedRows
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import one_after_another
from labelcycle.components.core.storage.objects import write_json

BYTES_A_NUMBER = 2
"""Features are float16."""

EMBED = (
    "Run the embed stage, with the platform's cache switched off; imported features are written by the same labelcycle "
    "init."
)


class FeatureSpace:
    """Rows of features by sample id. Parts are only ever added, each written atomically."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._files = store, PartFiles(store, name)
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

    def listing(self) -> SpaceContents:
        """What the space has now, and what is known of its parts without reading them."""
        return list_space(self._store, self.name)

    def ids(self, listing: SpaceContents | None = None) -> set[str]:
        """Ids of all samples that have features here.

        Args:
            listing: what the space has; None to look.

        Cost: reads the ids beside the index, and every part that is not indexed.
        """
        found: set[str] = set()
        for _, ids in self.ids_by_part(listing or self.listing()):
            found.update(ids.to_pylist())
        return found

    def ids_by_part(self, listing: SpaceContents) -> Iterator[tuple[IndexedPart, pa.Array]]:
        """What every part holds; parts that are not indexed, and were not added by this process, are read."""
        yield from listing.indexed_ids(self._store, self.name)
        unknown = [name for name in listing.unknown if name not in self._added]
        yield from (self._added[name] for name in listing.unknown if name in self._added)
        yield from one_after_another(self._files.describe, unknown)

    def add(self, ids: Sequence[str], features: npt.NDArray[np.float16]) -> None:
        """Add rows as one part, named by its ids and its content. Rows that are there already stay as they are.

        Args:
            ids: B sample ids, B ≥ 1.
            features: float16, shape (B, d).

        Raises:
            InputError: a value is NaN or infinite; the samples are named.
        """
        added = self._files.add(ids, features)
        if added is not None:
            self._added[added[0].name] = added

    def knows(self, listing: SpaceContents) -> bool:
        """Whether it is known without reading what every part holds: by an index, or because it was added here."""
        return self._added.keys() >= set(listing.unknown)

    def index_added(self) -> None:
        """List the parts that this process has added in an index object of their own; none where it has added none."""
        if self._added:
            write_index(self._store, self.name, self._added.values())

    def index_all(self, listing: SpaceContents, holding: Holding | None = None) -> None:
        """List all parts in one index object.

        Args:
            listing: what the space has.
            holding: a pool that it holds, to be noted beside those that it was known to hold.

        Cost: as `ids`.
        """
        holds = listing.holds
        if holding is not None and holding not in holds:
            holds = [*holds, holding]
        write_index(self._store, self.name, self.ids_by_part(listing), listing.quarantine, holds)

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
        self, groups: Sequence[Iterable[str]], listing: SpaceContents | None = None
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

    def every_part(self, listing: SpaceContents) -> Iterator[tuple[pa.Array, npt.NDArray[np.float16]]]:
        """Ids and features of every part, in the order of their names; an id may stand in several.

        Raises:
            CampaignError: the space is empty, its parts hold vectors of several widths, or one is damaged.

        Cost: memory for a few parts.
        """
        yield from self._read_parts(listing.parts, listing)

    def refuse_lost(self, wanted: WantedRows) -> None:
        """See that every wanted sample was found, or set aside as unreadable.

        Raises:
            CampaignError: some were not. A platform's cache may have left out an embed stage whose features have been
                deleted since.
        """
        self.refuse_missing(wanted.missing())

    def refuse_missing(self, missing: set[str]) -> None:
        """See that samples which are not among the features were set aside as unreadable.

        Raises:
            CampaignError: some were not.
        """
        lost = sorted(missing.difference(row["sample_id"] for row in self.quarantined())) if missing else []
        if lost:
            raise CampaignError(
                f"{len(lost)} samples have no features in {self._store.locate(f'spaces/{self.name}')}: {lost[0]!r}, … "
                f"{EMBED}"
            )

    def quarantine(self, rows: list[dict[str, str]]) -> None:
        """Add a table of unreadable samples: sample_id, uri and reason of each."""
        self._files.set_aside(rows)

    def quarantined(self, listing: SpaceContents | None = None) -> list[dict[str, str]]:
        """Samples that could not be embedded, sorted by id: sample_id, uri and a reason of each."""
        return self._files.were_set_aside(None if listing is None else listing.quarantine)

    def _key(self, name: str) -> str:
        return f"spaces/{self.name}/{name}"

    def _found(
        self, wanted: Sequence[WantedRows], listing: SpaceContents
    ) -> list[tuple[list[str], npt.NDArray[np.float16]]]:
        for group in wanted:
            self.refuse_lost(group)
        width = next((group.width for group in wanted if group.width is not None), None)
        if width is None:
            width = self._files.read(listing.parts[0])[1].shape[1]
        return [group.found(width) for group in wanted]

    def _parts_with(
        self, wanted: Sequence[WantedRows], listing: SpaceContents
    ) -> Iterator[tuple[pa.Array, npt.NDArray[np.float16]]]:
        """Ids and features of every part that may hold a wanted sample, in the order of their names."""
        yield from self._read_parts(self._may_hold(listing, wanted), listing)

    def _read_parts(
        self, names: Sequence[str], listing: SpaceContents
    ) -> Iterator[tuple[pa.Array, npt.NDArray[np.float16]]]:
        if not listing.parts:
            raise CampaignError(f"Feature space {self.name} of {self._store.root} is empty. {EMBED}")
        widths = {part.width for part in listing.indexed.values()}
        size = max((part.rows * part.width for part in listing.indexed.values()), default=0) * BYTES_A_NUMBER
        for ids, features in one_after_another(self._files.read, names, size):
            widths.add(features.shape[1])
            if len(widths) > 1:
                place = self._store.locate(f"spaces/{self.name}")
                raise CampaignError(
                    f"The parts of {place} hold vectors of {sorted(widths)} values. Delete the folder and run again."
                )
            yield ids, features

    def _may_hold(self, listing: SpaceContents, wanted: Sequence[WantedRows]) -> list[str]:
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


def _overlap(parts: Iterable[IndexedPart]) -> bool:
    """Whether the ranges of two of the parts have something in common."""
    ordered = sorted(parts, key=lambda part: part.first)
    return any(left.last >= right.first for left, right in zip(ordered, ordered[1:], strict=False))


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
