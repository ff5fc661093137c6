"""Handing a query to people: a CSV under `queries/`, with a label column to be filled in.

Written once and never replaced, so that nobody's work is overwritten; whoever finds it missing writes it.
"""

import csv
import io

from labelcycle.components.core.campaign import Campaign, sample_uris
from labelcycle.components.core.commits import Commit
from labelcycle.components.core.queries import read_query
from labelcycle.components.core.storage import Store


def handout_key(cycle: int) -> str:
    """Where the CSV for the query of `cycle` is."""
    return f"queries/cycle-{cycle:04d}.csv"


def hand_out(store: Store, campaign: Campaign, commit: Commit) -> str | None:
    """Write the committed query for people to label, unless it is there. Returns its key; None for an empty query."""
    query = read_query(store, commit.objects["query"])
    if query.num_rows == 0:
        return None
    key = handout_key(commit.cycle)
    if not store.exists(key):
        uris = sample_uris(store, campaign)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["sample_id", "uri", "rank", "predicted", "reason", "label", "status"])
        columns = (query[name].to_pylist() for name in ("sample_id", "rank", "predicted", "reason"))
        for sample_id, rank, predicted, reason in zip(*columns, strict=True):
            writer.writerow([sample_id, uris[sample_id], rank, predicted or "", reason, "", ""])
        store.write_if_absent(key, text.getvalue().encode())
    return key
