"""CSVs in which people fill in a query: their answers, and what to do about one that lost its rows."""

from collections.abc import Container

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.components.labelling.label_file import read_votes_file
from labelcycle.components.labelling.sample_ids import SampleIds

WRITE_AGAIN = "Restore it, or delete it: labelcycle publish writes it again."


def read_delivered_csv(
    store: Store, campaign: Campaign, cycle: int, ids: SampleIds, taken_in: Container[str] = ()
) -> list[Vote]:
    """The votes in the CSV that was delivered for the query of `cycle`.

    Args:
        store: the campaign's.
        campaign: the campaign, as it is now.
        cycle: whose query it is.
        ids: resolves what rows call samples.
        taken_in: as for `read_votes_file`.

    Raises:
        InputError: as `read_votes_file`; of an empty file it says how to have it written again.
    """
    key = delivery_key(cycle)
    try:
        return read_votes_file(store.locate(key), ids, campaign.classes, key, campaign.former_classes, taken_in)
    except InputError as error:
        if store.exists(key) and not store.read(key).strip():
            raise InputError(f"{store.locate(key)} is empty. {WRITE_AGAIN}") from error
        raise


def lost_its_rows(store: Store, campaign: Campaign, commit: Commit) -> bool:
    """Whether the CSV of a committed query has a header at most, and perhaps a line before it with the separator.

    One of which every sample was withdrawn has lost none.

    Args:
        store: the campaign's.
        campaign: the campaign, as it is now.
        commit: whose query it is; its CSV is there.

    Cost: reads the CSV; the query only where there are no rows.
    """
    from labelcycle.components.core.campaign.queries import read_query
    from labelcycle.components.core.campaign.sample_tables import without
    from labelcycle.components.core.campaign.withdrawn import read_withdrawn

    data = store.read(delivery_key(commit.cycle))
    lines = [line for line in data.replace(b"\0", b"").splitlines() if line.strip(b" \t,;")]
    if len(lines) > 1 + bool(lines and b"sep=" in lines[0][:8].lower()):
        return False
    asked = without(read_query(store, commit.objects["query"]), read_withdrawn(store, campaign).ids)
    return bool(asked.num_rows)
