"""CROWDLAB: labels from several people, each weighed by how good they are, and the model with them.

Source: Goh et al., CROWDLAB: Supervised learning to infer consensus labels and quality scores for data with multiple
annotators, 2022; as cleanlab computes it.
"""

import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from labelcycle.components.core.votes import Vote


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
