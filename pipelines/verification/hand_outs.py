"""Whether people have every committed query, as it was committed."""

import csv
import io
from collections.abc import Iterator

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.commits import Commit
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.handout import handout_key, read_receipt, receipt_key
from labelcycle.components.core.queries import read_query
from labelcycle.components.core.storage import Store
from labelcycle.pipelines.verification.findings import Finding


def check_hand_outs(store: Store, campaign: Campaign, commits: list[Commit]) -> Iterator[Finding]:
    """Queries that were not handed out, or that people have otherwise than they were asked."""
    for commit in commits:
        try:
            asked = read_query(store, commit.objects["query"])["sample_id"].to_pylist()
            receipt = read_receipt(store, commit.cycle)
        except CampaignError:
            continue  # told where contents are checked
        if not asked:
            continue
        if receipt is None:
            yield Finding(
                "note", receipt_key(commit.cycle), "People have not this query yet; the next run hands it out."
            )
        elif campaign.labelling.tool is None:
            yield from _check_csv(store, commit.cycle, set(asked))


def _check_csv(store: Store, cycle: int, asked: set[str]) -> Iterator[Finding]:
    key = handout_key(cycle)
    try:
        rows = csv.DictReader(io.StringIO(store.read(key).decode("utf-8-sig")))
        names = {row.get("sample_id") or "" for row in rows}
    except FileNotFoundError:
        yield Finding(
            "note", key, "It was handed out and is gone; the next run writes it again where labels are awaited."
        )
        return
    except (UnicodeDecodeError, csv.Error) as error:
        yield Finding("note", key, f"People have made something else of it: {error}. Save it as CSV in UTF-8.")
        return
    if lost := sorted(asked - names - {name.removeprefix("./") for name in names}):
        yield Finding("note", key, f"{len(lost)} samples that were asked for are not in it any more: {lost[0]!r}, …")
