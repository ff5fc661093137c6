"""The tables that describe a campaign's samples: the pool, what labels are known beforehand, and where images are."""

from collections.abc import Collection, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.tables import POOL, QUARANTINE, TRUTH, read_table


def load_pool(store: Store, campaign: Campaign) -> pa.Table:
    """The table of all samples, sorted by id."""
    return read_table(store, campaign.pool, POOL)


def splits_of_versions(store: Store, versions: Iterable[Campaign]) -> dict[str, set[str]]:
    """The splits that each sample has been in, by id, as the campaign began and with each amendment.

    Cost: reads each table of samples once.
    """
    found: dict[str, set[str]] = {}
    for campaign in {version.pool.key: version for version in versions}.values():
        table = read_table(store, campaign.pool, pa.schema([POOL.field("sample_id"), POOL.field("split")]))
        for sample_id, split in zip(table["sample_id"].to_pylist(), table["split"].to_pylist(), strict=True):
            found.setdefault(sample_id, set()).add(split)
    return found


def load_truth(store: Store, campaign: Campaign) -> dict[str, str]:
    """Known labels, by id: of the `val` and `test` samples, and of the pool where its labels may be read."""
    table = read_table(store, campaign.truth, TRUTH)
    labels = map(campaign.class_of, table["label"].to_pylist())
    return dict(zip(table["sample_id"].to_pylist(), labels, strict=True))


def sample_uris(store: Store, campaign: Campaign, of: Collection[str] | None = None) -> dict[str, str | None]:
    """The image address of every sample that people may know, quarantined ones among them, by id.

    Args:
        store: the campaign's.
        campaign: the campaign.
        of: ids of the samples whose addresses are wanted; None for all.
    """
    tables = [
        read_table(store, reference, pa.schema([schema.field("sample_id"), schema.field("uri")]))
        for reference, schema in ((campaign.pool, POOL), (campaign.quarantine, QUARANTINE))
    ]
    if of is not None:
        wanted = pa.array(sorted(of), pa.string())
        tables = [table.filter(pc.is_in(table["sample_id"], value_set=wanted)) for table in tables]
    return {
        sample_id: uri
        for table in tables
        for sample_id, uri in zip(table["sample_id"].to_pylist(), table["uri"].to_pylist(), strict=True)
    }
