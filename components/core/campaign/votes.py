"""Votes: what each person answered about a sample, as cast."""

from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.storage.tables import LABELS

Status = Literal["ok", "skip", "unsure", "withdrawn"]
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True)
class Vote:
    """One person's answer about one sample.

    Attributes:
        sample_id: the sample.
        annotator: who answered; empty where the source names nobody.
        label: the class; None unless the status is ok.
        status: `withdrawn` where the person or the tool has taken an answer back.
        time: ISO 8601 as the source has it, or empty. Clocks differ: only votes of one source are ordered by it.
        source: the file, or the labelling tool's project, that it came from.
    """

    sample_id: str
    annotator: str
    label: str | None
    status: Status
    time: str
    source: str


def votes_table(votes: list[Vote]) -> pa.Table:
    """Votes as rows of `LABELS`, in their order."""
    return pa.table(
        {
            "sample_id": [vote.sample_id for vote in votes],
            "label": [vote.label for vote in votes],
            "annotator": [vote.annotator or None for vote in votes],
            "time": [vote.time or None for vote in votes],
            "source": [vote.source for vote in votes],
            "status": [vote.status for vote in votes],
        },
        schema=LABELS,
    )


def votes_in(table: pa.Table) -> list[Vote]:
    """The rows of a table of `LABELS` as votes, in their order."""
    return [
        Vote(row["sample_id"], row["annotator"] or "", row["label"], row["status"], row["time"] or "", row["source"])
        for row in table.to_pylist()
    ]


def in_force(votes: list[Vote]) -> dict[tuple[str, str], Vote]:
    """The last vote of each person on each sample, by sample and annotator; those withdrawn are not among them.

    Args:
        votes: in the order in which they arrived.

    Cost: O(votes).
    """
    last = {(vote.sample_id, vote.annotator): vote for vote in votes}
    return {key: vote for key, vote in last.items() if vote.status != "withdrawn"}


def labels_of(consensus: pa.Table) -> dict[str, str]:
    """The class of each sample that has one, by id, from rows of `CONSENSUS`."""
    decided = consensus.filter(pc.equal(consensus["status"], "ok"))
    return dict(zip(decided["sample_id"].to_pylist(), decided["label"].to_pylist(), strict=True))
