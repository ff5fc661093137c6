"""Consensus: the label that the votes on a sample come to, by majority or by CROWDLAB.

CROWDLAB weighs each annotator by how good they are, and the model with them.

Source: Goh et al., CROWDLAB: Supervised learning to infer consensus labels and quality scores for data with multiple
annotators, 2022; as cleanlab computes it.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.core.campaign.rechecks import Rechecked, is_second_answer
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.config.labelling import ConsensusMethod
from labelcycle.components.core.storage.tables import CONSENSUS


def weigh_annotators(
    votes: Mapping[str, list[Vote]], classes: list[str], probabilities: Mapping[str, npt.NDArray[np.float32]]
) -> dict[str, tuple[str, float]]:
    """Label and quality (0 to 1) of the samples that both people and the model have an opinion on.

    Samples that only people know are left out, so that these keep their majority: those of a cold start, which asks
    without a model. So are all where nobody answered the same sample as somebody else, since then there is nothing to
    tell good annotators by.

    Args:
        votes: of each sample, by its id.
        classes: the campaign's.
        probabilities: (C,) float32 by sample id, of a model that had not learnt from the sample.

    Cost: memory for samples × annotators float64, and for samples × C.
    """
    number = {name: index for index, name in enumerate(classes)}
    known = sorted(name for name in votes if name in probabilities and any(vote.status == "ok" for vote in votes[name]))
    people = sorted({vote.annotator for name in known for vote in votes[name] if vote.status == "ok"})
    if not any(sum(vote.status == "ok" for vote in votes[name]) > 1 for name in known):
        return {}
    column = {annotator: index for index, annotator in enumerate(people)}
    given = np.full((len(known), len(people)), np.nan)
    for row, name in enumerate(known):
        for vote in votes[name]:
            if vote.status == "ok" and vote.label is not None:
                given[row, column[vote.annotator]] = number[vote.label]
    from cleanlab.multiannotator import get_label_quality_multiannotator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = get_label_quality_multiannotator(
            given,
            np.stack([probabilities[name] for name in known]).astype(np.float64),
            return_detailed_quality=False,
            return_annotator_stats=False,
            verbose=False,
        )["label_quality"]
    labels = result["consensus_label"].to_numpy()
    quality = result["consensus_quality_score"].to_numpy()
    return {
        name: (classes[int(label)], float(np.clip(score, 0, 1)))
        for name, label, score in zip(known, labels, quality, strict=True)
    }


Probabilities = dict[str, npt.NDArray[np.float32]]
"""What the model that asked for a sample thought of it, (C,) by id; only for samples that it had not learnt from."""


def consensus_of(
    votes: Iterable[Vote],
    method: ConsensusMethod,
    classes: list[str],
    probabilities: Probabilities,
    rechecked: Rechecked | None = None,
) -> pa.Table:
    """One row of `CONSENSUS` a sample, sorted by id.

    By majority, the label is what most people said who gave one; where two classes have as many, the sample is
    disputed and has no label. But where the label was asked for again because the model doubted it, the second answers
    then decide: a doubted label that is not confirmed gives way. The quality is the share of all people that gave the
    label, the unsure ones among them. CROWDLAB goes on from there (see `weigh_annotators`). A sample that nobody gave a
    class is skipped or unsure, as more said.

    Args:
        votes: in force, at most one of each person on each sample.
        method: how votes become a label.
        classes: the campaign's.
        probabilities: for CROWDLAB.
        rechecked: samples that were asked for again because the model doubted their label.

    Cost: O(votes); with CROWDLAB also memory for samples × annotators.
    """
    by_sample: dict[str, list[Vote]] = {}
    for vote in votes:
        by_sample.setdefault(vote.sample_id, []).append(vote)
    rows = {sample_id: _majority(by_sample[sample_id], rechecked or {}) for sample_id in sorted(by_sample)}
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


def _majority(votes: list[Vote], rechecked: Rechecked) -> dict[str, object]:
    counts = Counter(vote.label for vote in votes if vote.status == "ok")
    second = Counter(vote.label for vote in votes if vote.status == "ok" and is_second_answer(vote, rechecked))
    given = [
        (label, counts[label], second[label])
        for label in sorted(counts, key=lambda label: (-counts[label], -second[label]))[:2]
    ]
    if not given:
        skipped = sum(vote.status == "skip" for vote in votes)
        status = "skip" if 2 * skipped > len(votes) else "unsure"
        return {"label": None, "votes": len(votes), "agreement": None, "quality": 0.0, "status": status}
    label, most, _ = given[0]
    of_a_class = counts.total()
    disputed = len(given) > 1 and given[1][1:] == given[0][1:]
    return {
        "label": None if disputed else label,
        "votes": len(votes),
        "agreement": most / of_a_class,
        "quality": most / len(votes),
        "status": "disputed" if disputed else "ok",
    }
