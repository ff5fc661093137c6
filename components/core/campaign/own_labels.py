"""Labels that a campaign keeps in a table of its own: they play the annotator.

Where that table has a label for each sample of the pool an object beside it says so, and whatever is asked for is known
to be answered without reading the table. It is a table of `TRUTH`, named by its digest; campaigns of earlier versions
have the table alone.
"""

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import read_sealed, sealed

FOLDER = "oracle"


class Complete(Settings):
    """Says that a table of labels has one for each sample of the pool whose table has this SHA-256."""

    pool: str


def is_own_table(labels_from: str) -> bool:
    """Whether a label source is a table that the campaign keeps, named by its key and thereby by its digest."""
    return not labels_from.startswith("/") and "://" not in labels_from


def note_complete(store: Store, table: str, pool: str) -> None:
    """Note that a table of labels has one for each sample of the pool.

    Args:
        store: the campaign's.
        table: key of the table of labels.
        pool: SHA-256 of the pool's table.
    """
    store.write(_key(table), sealed(Complete(pool=pool).model_dump(mode="json")))


def known_complete(store: Store, campaign: Campaign) -> bool:
    """Whether the campaign's label source is a table of its own that is known to label the whole pool.

    Raises:
        CampaignError: what says so is damaged.
    """
    table = campaign.labels_from
    if table is None or not is_own_table(table):
        return False
    remedy = "Delete it: the table of labels is then read in its place."
    complete = read_sealed(store, _key(table), Complete, "a note about labels", remedy)
    return complete is not None and complete.pool == campaign.pool.sha256


def _key(table: str) -> str:
    return f"{table.removesuffix('.parquet')}.json"
