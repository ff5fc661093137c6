"""Handing a query to people: to the campaign's labelling tool, or as a CSV under `queries/` to be filled in.

Both may be repeated: a CSV is written once and never replaced, so that nobody's work is overwritten, and a tool gets
only what it lacks. Samples that were withdrawn meanwhile are left out. Whoever finds a query that was not delivered
does it.
"""

import csv
import io
from collections.abc import Iterator, Mapping

import pyarrow as pa

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit, commit_key
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.campaign.sample_tables import without
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.delivery_order import as_delivered
from labelcycle.components.labelling.delivery_record import delivery_key, read_delivery_record, write_delivery_record

HEADINGS = ("sample_id", "uri", "rank", "predicted", "reason", "label", "status")

FORMULA = ("=", "+", "-", "@")
"""A cell that begins with one of these is a formula to spreadsheets, and a name of a file can hold a hostile one."""


def deliver_query(
    store: Store, campaign: Campaign, commit: Commit, uris: Mapping[str, str | None] | None = None
) -> str | None:
    """Hand out the committed query, unless people have it. Returns where; None for an empty query.

    Args:
        store: the campaign's.
        campaign: the campaign, as it is now.
        commit: whose query it is.
        uris: image addresses of its samples by id, where the caller has them; None to read them from the pool.

    Raises:
        TransientError: the labelling tool does not answer.
        ConfigurationError, CampaignError: the tool refuses; the message says what to do.
    """
    query = read_query(store, commit.objects["query"])
    if query.num_rows == 0:
        return None
    if campaign.labelling.tool is None:
        address = _write_csv(store, campaign, query, commit.cycle, uris)
    elif (record := read_delivery_record(store, commit.cycle)) is not None:
        return record.place
    else:
        from labelcycle.components.labelling.label_studio.send_query import publish_query

        address = publish_query(store, campaign, commit).project_url
    write_delivery_record(store, commit.cycle, address, _asked_first(query))
    return address


def _asked_first(query: pa.Table) -> list[str] | None:
    """The ids of a query, best first; None where it asks for a further opinion on any sample."""
    further = any(opinion is not None and opinion > 1 for opinion in query["opinion"].to_pylist())
    return None if further else query["sample_id"].to_pylist()


def refuse_lost_commit(store: Store, cycle: int) -> None:
    """Whether a cycle that is not committed was delivered all the same: then its commit was deleted.

    Raises:
        CampaignError: it was. Another query in its place would lose the answers that people have given.

    Cost: a listing of at most two names.
    """
    handed_out = store.keys(f"queries/cycle-{cycle:04d}.")
    if handed_out and not store.exists(commit_key(cycle)):
        raise CampaignError(
            f"{store.locate(commit_key(cycle))} is missing, although people have its query ({handed_out[0]}). Restore "
            "it from a backup: another query in its place would lose their answers."
        )


def _write_csv(
    store: Store, campaign: Campaign, query: pa.Table, cycle: int, uris: Mapping[str, str | None] | None
) -> str:
    key = delivery_key(cycle)
    if not store.exists(key):
        text = io.StringIO()
        if uris is None:
            uris = sample_uris(store, campaign, query["sample_id"].to_pylist())
        rows = _csv_rows(store, campaign, as_delivered(query, campaign, cycle), uris)
        csv.writer(text, lineterminator="\n").writerows(rows)
        store.write_if_absent(key, text.getvalue().encode())
    return store.locate(key)


def _csv_rows(
    store: Store, campaign: Campaign, query: pa.Table, uris: Mapping[str, str | None]
) -> Iterator[list[object]]:
    """A header and a row a vote that is wanted; where several people answer, with a column for who did."""
    several = campaign.labelling.by_several_people
    yield [*HEADINGS, *(["annotator"] if several else [])]
    query = without(query, read_withdrawn(store, campaign).ids)
    columns = (query[name].to_pylist() for name in ("sample_id", "rank", "predicted", "reason"))
    for sample_id, rank, predicted, reason in zip(*columns, strict=True):
        for _ in range(campaign.labelling.quorum):
            row = [named_in_csv(sample_id), uris[sample_id], rank, _quoted(predicted or ""), _quoted(reason), "", ""]
            yield [*row, *([""] if several else [])]


def named_in_csv(sample_id: str) -> str:
    """The sample's id such that no spreadsheet takes it for a formula; label_ingest knows it by both names."""
    return f"./{sample_id}" if sample_id.startswith(FORMULA) else sample_id


def _quoted(text: str) -> str:
    """A text that nobody reads back, such that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
