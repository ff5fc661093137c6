"""Whether the records of the stages of committed cycles are there, which say what each stage wrote."""

from collections.abc import Iterator

from labelcycle.components.core.attempt import RECORDS
from labelcycle.components.core.commits import Commit, attempt_key
from labelcycle.pipelines.verification.findings import Finding


def check_records(records: list[str], commits: list[Commit]) -> Iterator[Finding]:
    """Records that are gone. The commits name all that counts, but a replay finds its way by the records.

    Args:
        records: the keys of all records under the campaign's root.
        commits: the commits.
    """
    ran = {(key.rpartition("/")[0], _stage_of(key)) for key in records}
    for commit in commits:
        stages = ["select", "publish"]
        if "training" in commit.objects:
            stages += ["train_adapter", "evaluate", "score"]
        folder = attempt_key(commit.cycle, commit.attempt, RECORDS)
        for stage in stages:
            if (folder, stage) not in ran:
                message = "This record is gone. Only labelcycle replay reads it: restore it from a backup for that."
                yield Finding("note", f"{folder}/{stage}", message)


def _stage_of(record: str) -> str:
    """`…/results/score-0-of-4.json` → `score`."""
    return record.rpartition("/")[2].removesuffix(".json").partition("-")[0]
