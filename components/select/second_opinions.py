"""Second opinions: samples whose label is in doubt are asked for again, for somebody else to answer."""

import math
from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.queries import requests_in

DOUBTFUL_QUALITY = 0.5
"""Below this a label is more likely wrong than right."""
DOUBTFUL_AGREEMENT = 2 / 3
"""With no more agreement than two of three, another person may turn the majority."""
MOST_OPINIONS = 3
"""A sample that is still in doubt after so many requests is left to people who review it."""


@dataclass(frozen=True)
class SecondOpinion:
    """A sample to be asked for again: how reliable its label is (0 to 1), which request it is, and why, in words."""

    sample_id: str
    quality: float
    opinion: int
    reason: str


def second_opinions(work: Attempt) -> list[SecondOpinion]:
    """The samples to ask for again in this cycle, the least reliable first, within the share that the campaign allows.

    In doubt is a sample on which people disagree so much that there is no label, one whose label has a quality below
    `DOUBTFUL_QUALITY`, or an agreement of at most `DOUBTFUL_AGREEMENT`. Requests that still wait for answers are not
    repeated.

    Cost: reads the queries so far, and the consensus.
    """
    most = math.floor(work.campaign.labelling.second_opinions * work.decision.query_size)
    if most == 0:
        return []
    requests = requests_in(work.requests())
    asked = Counter(request.sample_id for request in requests)
    quorum = work.campaign.labelling.quorum
    doubtful = [row for row in work.consensus().to_pylist() if _in_doubt(row)]
    again = [
        row
        for row in doubtful
        if asked[row["sample_id"]] < MOST_OPINIONS and row["votes"] >= asked[row["sample_id"]] * quorum
    ]
    again.sort(key=lambda row: (row["quality"], row["sample_id"]))
    return [
        SecondOpinion(row["sample_id"], float(row["quality"]), asked[row["sample_id"]] + 1, _reason(row))
        for row in again[:most]
    ]


def opinion_rows(opinions: list[SecondOpinion], first_rank: int, schema: pa.Schema) -> pa.Table:
    """Rows of a query for these samples, after picks of its strategy. They carry no prediction, so as not to sway."""
    rows = [
        {
            "sample_id": opinion.sample_id,
            "rank": first_rank + number,
            "score": opinion.quality,
            "reason": opinion.reason,
            "explore": False,
            "opinion": opinion.opinion,
        }
        for number, opinion in enumerate(opinions)
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _in_doubt(row: dict[str, object]) -> bool:
    if row["status"] == "disputed":
        return True
    quality, agreement = row["quality"], row["agreement"]
    assert isinstance(quality, float)
    return row["status"] == "ok" and (
        quality < DOUBTFUL_QUALITY or (isinstance(agreement, float) and agreement <= DOUBTFUL_AGREEMENT + 1e-6)
    )


def _reason(row: dict[str, object]) -> str:
    people = f"{row['votes']} people" if row["votes"] != 1 else "one person"
    if row["status"] == "disputed":
        return f"second opinion: {people} disagree, and no class has most votes"
    return f"second opinion: {people}, {row['agreement']:.0%} for the label, quality {row['quality']:.2f}"
