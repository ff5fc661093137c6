"""The tables that describe a campaign's samples, together, as an amendment changes them: each is written anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import JsonValue

from labelcycle.components.core.campaign import own_labels, withdrawn
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.campaign.pool_ids import write_pool_ids
from labelcycle.components.core.campaign.withdrawn import WITHDRAWN, withdrawn_table
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.erasures import pseudonym
from labelcycle.components.core.storage.objects import RESTORE, ObjectReference, read_named, write_object
from labelcycle.components.core.storage.tables import QUARANTINE, TRUTH, read_table, table_bytes, table_in, with_schema


@dataclass(frozen=True)
class SampleTables:
    """What is known of all samples.

    Attributes:
        campaign: the campaign's identifier.
        pool: rows of `POOL`, sorted by id.
        truth: known labels, by id.
        quarantine: rows of `QUARANTINE`, sorted by id: samples that are set aside.
        answers: labels that the campaign keeps and that play the annotator, by id; None where others label.
        withdrawn: rows of `WITHDRAWN`.
    """

    campaign: str
    pool: pa.Table
    truth: Mapping[str, str]
    quarantine: pa.Table
    answers: Mapping[str, str] | None
    withdrawn: pa.Table

    @property
    def splits(self) -> dict[str, str]:
        """The split of each sample by id."""
        return dict(zip(self.pool["sample_id"].to_pylist(), self.pool["split"].to_pylist(), strict=True))

    def withdrawn_among(self, ids: Iterable[str]) -> set[str]:
        """Those of these ids that were withdrawn, erased ones among them."""
        gone = set(self.withdrawn["sample_id"].to_pylist())
        return {name for name in ids if name in gone or pseudonym(self.campaign, name) in gone} if gone else set()

    @property
    def knows_pool(self) -> bool:
        """Whether the labels of the pool are known, so that strategies read them."""
        splits = self.splits
        return any(splits.get(name) == "pool" for name in self.truth)


def read_sample_tables(store: Store, campaign: Campaign) -> SampleTables:
    """The tables as they are now.

    Raises:
        CampaignError: one is gone or damaged.

    Cost: memory for all samples.
    """
    return SampleTables(
        campaign=campaign.identifier,
        pool=load_pool(store, campaign),
        truth=load_truth(store, campaign),
        quarantine=read_table(store, campaign.quarantine, QUARANTINE),
        answers=_own_answers(store, campaign),
        withdrawn=withdrawn_table(store, campaign),
    )


def write_sample_tables(store: Store, before: SampleTables, after: SampleTables) -> dict[str, JsonValue]:
    """Write the tables that differ, each under a name made from its content.

    Returns:
        What an amendment changes in the campaign's description, by name.
    """
    changes: dict[str, JsonValue] = {}
    if not after.pool.equals(before.pool):
        pool = write_samples_table(store, "pool", after.pool)
        write_pool_ids(store, pool.sha256, after.pool)
        changes["pool"] = pool.model_dump()
        if after.answers is not None:
            changes["labels_from"] = _write_answers(store, after.answers, after.splits, pool)
    if after.truth != before.truth:
        changes["truth"] = write_samples_table(store, "truth", labels_table(after.truth)).model_dump()
    if not after.quarantine.equals(before.quarantine):
        changes["quarantine"] = write_samples_table(store, "quarantine", after.quarantine).model_dump()
    if not after.withdrawn.equals(before.withdrawn):
        table = after.withdrawn.sort_by("sample_id").cast(WITHDRAWN)
        changes["withdrawn"] = write_samples_table(store, withdrawn.FOLDER, table).model_dump()
    return changes


def write_samples_table(store: Store, kind: str, table: pa.Table) -> ObjectReference:
    """Store a table under a name made from its content, so that another campaign's tables are never replaced."""
    data = table_bytes(table)
    folder = kind if kind in ("pool", own_labels.FOLDER) else f"pool/{kind}"
    return write_object(store, f"{folder}/{digest_of_bytes(data)[:16]}.parquet", data)


def labels_table(labels: Mapping[str, str]) -> pa.Table:
    """Labels by id as rows of `TRUTH`, sorted."""
    ids = sorted(labels)
    return pa.table([ids, [labels[name] for name in ids]], schema=TRUTH)


def without(table: pa.Table, ids: frozenset[str]) -> pa.Table:
    """The rows of a table that are of none of these samples."""
    return table.filter(pc.invert(pc.is_in(table["sample_id"], value_set=pa.array(sorted(ids), pa.string()))))


def _own_answers(store: Store, campaign: Campaign) -> dict[str, str] | None:
    """The labels of the table that plays the annotator, by id; None where the campaign has none.

    Raises:
        CampaignError: it is gone or damaged.
    """
    key = campaign.labels_from
    if key is None or not own_labels.is_own_table(key):
        return None
    try:
        table = with_schema(table_in(read_named(store, key), TRUTH.names), TRUTH)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise CampaignError(f"{store.locate(key)} is no table of labels: {error}. {RESTORE}") from error
    return dict(zip(table["sample_id"].to_pylist(), table["label"].to_pylist(), strict=True))


def _write_answers(store: Store, answers: Mapping[str, str], splits: Mapping[str, str], pool: ObjectReference) -> str:
    """Store the labels that play the annotator, and note where they are complete. Returns their key."""
    kept = {name: label for name, label in answers.items() if name in splits}
    key = write_samples_table(store, own_labels.FOLDER, labels_table(kept)).key
    if all(kept.get(name, "").strip() for name, split in splits.items() if split == "pool"):
        own_labels.note_complete(store, key, pool.sha256)
    return key
