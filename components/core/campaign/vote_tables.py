"""Votes and what they come to as rows of tables."""

import pyarrow as pa
import pyarrow.compute as pc

from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.storage.tables import LABELS


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


def labels_of(consensus: pa.Table) -> dict[str, str]:
    """The class of each sample that has one, by id, from rows of `CONSENSUS`."""
    decided = consensus.filter(pc.equal(consensus["status"], "ok"))
    return dict(zip(decided["sample_id"].to_pylist(), decided["label"].to_pylist(), strict=True))
