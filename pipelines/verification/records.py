"""Whether the records of the stages of committed cycles are there, and what each says that its stage wrote."""

from collections.abc import Iterator
from functools import partial

from labelcycle.components.core.at_once import at_once
from labelcycle.components.core.attempt import RECORDS
from labelcycle.components.core.commits import Commit, attempt_key
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.sealed_json import unsealed
from labelcycle.components.core.storage import Store
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
    for results in at_once(partial(_results, store), records):
        for key in sorted(results - named - there):
            yield Finding("note", key, f"This result {GONE}")


def _results(store: Store, record: str) -> set[str]:
    """The keys of what a record says that its stage wrote; none where that is told where contents are checked."""
    try:
        objects = unsealed(store.read(record), record, "a record")["objects"]
        return {reference["key"] for reference in objects.values()}
    except (CampaignError, FileNotFoundError, LookupError, TypeError, AttributeError):
        return set()


def _stage_of(record: str) -> str:
    """`…/results/score-0-of-4.json` → `score`."""
    return record.rpartition("/")[2].removesuffix(".json").partition("-")[0]
