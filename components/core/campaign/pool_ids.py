"""The ids of a pool by split, beside its table: what most stages want to know of a pool is a small part of that table.

The pool's table has an address and a digest for each image, which makes it tens of times as large. The table of ids is
made from it, once, and named by its digest and by that of its own content. Where it is not there the pool's is read.
"""

import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.pool import load_pool
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import read_named
from labelcycle.components.core.storage.tables import table_in, with_schema

POOL_IDS = pa.schema(
    [pa.field("sample_id", pa.string(), nullable=False), pa.field("split", pa.string(), nullable=False)]
)
"""One row a sample, sorted by id."""

REMEDY = "Delete it and run again: it is made from the pool's table."


def ids_of_split(store: Store, campaign: Campaign, split: str) -> list[str]:
    """Ids of the samples of a split, `pool`, `val` or `test`, sorted."""
    return ids_in_split(pool_ids(store, campaign), split)


def ids_in_split(table: pa.Table, split: str) -> list[str]:
    """Ids of the samples of a split, sorted, from rows of `POOL_IDS`."""
    ids: list[str] = table.filter(pc.equal(table["split"], split))["sample_id"].to_pylist()
    return ids


def pool_ids(store: Store, campaign: Campaign) -> pa.Table:
    """All ids with their splits: rows of `POOL_IDS`.

    Cost: a listing and a read of a few bytes for each sample, where the table of ids is there.

    Raises:
        CampaignError: it is damaged, or the pool's table is.
    """
    keys = store.keys(_prefix(campaign.pool.sha256))
    if not keys:
        return load_pool(store, campaign).select(POOL_IDS.names)
    place = store.locate(keys[0])
    try:
        table = with_schema(table_in(read_named(store, keys[0], REMEDY)), POOL_IDS)
        table.validate(full=True)
        return table
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise CampaignError(f"{place} is no table of ids: {error}. {REMEDY}") from error


def write_pool_ids(store: Store, sha256: str, pool: pa.Table) -> None:
    """Write the table of ids of a pool, unless it is there.

    Args:
        store: the campaign's.
        sha256: digest of the pool's table.
        pool: that table, sorted by id.
    """
    if store.keys(_prefix(sha256)):
        return
    buffer = io.BytesIO()
    pq.write_table(
        pool.select(POOL_IDS.names).cast(POOL_IDS).combine_chunks(),
        buffer,
        compression="zstd",
        use_dictionary=["split"],
        column_encoding={"sample_id": "DELTA_BYTE_ARRAY"},
        write_statistics=False,
    )
    data = buffer.getvalue()
    store.write(f"{_prefix(sha256)}{digest_of_bytes(data)[:16]}.parquet", data)


def _prefix(sha256: str) -> str:
    return f"pool/ids/{sha256[:16]}-"
