"""Consensus: what the votes on each sample come to."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.labelling import ConsensusMethod
from labelcycle.components.core.schemas import CONSENSUS
from labelcycle.components.core.votes import Vote
from labelcycle.components.label_ingest.crowdlab import weigh_annotators

Probabilities = dict[str, npt.NDArray[np.float32]]
"""What the model that asked for a sample thought of it, (C,) by id; only for samples that it had not learnt from."""


def consensus_of(
    votes: Iterable[Vote], method: ConsensusMethod, classes: list[str], probabilities: Probabilities
) -> pa.Table:
    """One row of `CONSENSUS` a sample, sorted by id.

    By majority, the label is what most people said who gave one; where two classes have as many, the sample is
    disputed and has no label. The quality is the share of all people that gave it, the unsure ones among them. CROWDLAB
    goes on from there (see `weigh_annotators`). A sample that nobody gave a class is skipped or unsure, as more said.

    Args:
        votes: in force, at most one of each person on each sample.
        method: how votes become a label.
        classes: the campaign's.
        probabilities: for CROWDLAB.

    Cost: O(votes); with CROWDLAB also memory for samples × annotators.
    """
    by_sample: dict[str, list[Vote]] = {}
    for vote in votes:
        by_sample.setdefault(vote.sample_id, []).append(vote)
    rows = {sample_id: _majority(by_sample[sample_id]) for sample_id in sorted(by_sample)}
    if method == "crowdlab":
        for sample_id, (label, quality) in weigh_annotators(by_sample, classes, probabilities).items():
            given = [vote.label for vote in by_sample[sample_id] if vote.status == "ok"]
            rows[sample_id] |= {
                "label": label,
                "status": "ok",
                "quality": quality,
                "agreement": given.count(label) / len(given),
            }
    return pa.Table.from_pylist([{"sample_id": name, **row} for name, row in rows.items()], schema=CONSENSUS)


def _majority(votes: list[Vote]) -> dict[str, object]:
    given = Counter(vote.label for vote in votes if vote.status == "ok").most_common(2)
    if not given:
        skipped = sum(vote.status == "skip" for vote in votes)
        status = "skip" if 2 * skipped > len(votes) else "unsure"
        return {"label": None, "votes": len(votes), "agreement": None, "quality": 0.0, "status": status}
    label, most = given[0]
    of_a_class = sum(vote.status == "ok" for vote in votes)
    disputed = len(given) > 1 and given[1][1] == most
    return {
        "label": None if disputed else label,
        "votes": len(votes),
        "agreement": most / of_a_class,
        "quality": most / len(votes),
        "status": "disputed" if disputed else "ok",
    }
