"""Whether the records of committed cycles are there, and people have every committed query as it was committed."""

import csv
import io
from collections.abc import Iterator
from functools import partial

from labelcycle.components.core.campaign.attempt import RECORDS
from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit, attempt_key
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.core.storage.objects import unsealed
from labelcycle.components.labelling.delivery_record import delivery_key, delivery_record_key, read_delivery_record
from labelcycle.pipelines.verification.findings import Finding

GONE = "is gone. Only labelcycle replay reads it: restore it from a backup for that."


def check_records(store: Store, keys: list[str], commits: list[Commit]) -> Iterator[Finding]:
    """Records and results that are gone. The commits name all that counts, but a replay finds its way by the records.

    Args:
        store: the campaign's.
        keys: of everything under its root.
        commits: the commits.

    Cost: reads every record of the committed cycles, several at once.
    """
    there = set(keys)
    committed = {attempt_key(commit.cycle, commit.attempt, RECORDS): commit for commit in commits}
    records = [key for key in keys if key.rpartition("/")[0] in committed]
    ran = {(key.rpartition("/")[0], _stage_of(key)) for key in records}
    for folder, commit in committed.items():
        stages = ["select", "publish"]
        if "training" in commit.objects:
            stages += ["train_adapter", "evaluate", "score"]
        for stage in stages:
            if (folder, stage) not in ran:
                yield Finding("note", f"{folder}/{stage}", f"This record {GONE}")
    named = {reference.key for commit in commits for reference in commit.objects.values()}
    for results in concurrently(partial(_results, store), records):
        for key in sorted(results - named - there):
            yield Finding("note", key, f"This result {GONE}")


def _results(store: Store, record: str) -> set[str]:
    """The keys of what a record says that its stage wrote; none where that is reported where contents are checked."""
    try:
        objects = unsealed(store.read(record), record, "a record")["objects"]
        return {reference["key"] for reference in objects.values()}
    except (CampaignError, FileNotFoundError, LookupError, TypeError, AttributeError):
        return set()


def _stage_of(record: str) -> str:
    """`…/results/score-0-of-4.json` → `score`."""
    return record.rpartition("/")[2].removesuffix(".json").partition("-")[0]


def check_hand_outs(store: Store, campaign: Campaign, commits: list[Commit]) -> Iterator[Finding]:
    """Queries that were not delivered, or that people have otherwise than they were asked."""
    try:
        withdrawn = read_withdrawn(store, campaign).ids
    except CampaignError:
        withdrawn = frozenset()  # reported where contents are checked
    for commit in commits:
        try:
            asked = read_query(store, commit.objects["query"])["sample_id"].to_pylist()
            record = read_delivery_record(store, commit.cycle)
        except CampaignError:
            continue  # reported where contents are checked
        if not asked:
            continue
        if record is None:
            yield Finding(
                "note", delivery_record_key(commit.cycle), "People have not this query yet; the next run delivers it."
            )
        elif campaign.labelling.tool is None:
            yield from _check_csv(store, commit.cycle, set(asked) - withdrawn)


def _check_csv(store: Store, cycle: int, asked: set[str]) -> Iterator[Finding]:
    key = delivery_key(cycle)
    try:
        rows = csv.DictReader(io.StringIO(store.read(key).decode("utf-8-sig")))
        names = {row.get("sample_id") or "" for row in rows}
    except FileNotFoundError:
        yield Finding(
            "note", key, "It was delivered and is gone; the next run writes it again where labels are awaited."
        )
        return
    except (UnicodeDecodeError, csv.Error) as error:
        yield Finding("note", key, f"People have made something else of it: {error}. Save it as CSV in UTF-8.")
        return
    if lost := sorted(asked - names - {name.removeprefix("./") for name in names}):
        yield Finding("note", key, f"{len(lost)} samples that were asked for are not in it any more: {lost[0]!r}, …")
