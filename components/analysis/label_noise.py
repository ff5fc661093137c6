"""Labels that may be wrong: a model that has not seen them confidently says otherwise.

Active learning asks for what the model finds hard, so a plain disagreement is no sign of a wrong label. A suspect has
to pass confident learning, and the class suggested has to be several times as likely as the label. Probabilities of
labelled samples are those of a simple model under cross-validation.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from labelcycle.components.analysis.out_of_sample import FOLDS, calibrated, out_of_sample_probabilities
from labelcycle.components.core.features.ordering import keyed_order

LEAST_PER_CLASS = FOLDS
"""Labels that a class needs for its samples to be judged."""

MOST_JUDGED = 10_000
"""With more labels, so many of them are judged, drawn by id."""

MOST_LISTED = 50

TIMES_AS_LIKELY = 5.0
"""What the suggested class has to be, compared with the label. Of 200 digits that active learning had asked for, all
labelled right, 13 were suspects, and 35 without this. With a tenth of the labels flipped, 78 % of those were found, and
53 % of the suspects were flipped; of all 1,797 digits 84 % and 94 %."""

DIGITS = 4
"""Of probabilities, so that the last bits of sums do not show."""

SUSPECTS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("suggested", pa.string(), nullable=False),
        pa.field("label_confidence", pa.float32(), nullable=False),
        pa.field("suggested_confidence", pa.float32(), nullable=False),
        pa.field("quality", pa.float32(), nullable=False),
        pa.field("certainty", pa.float32(), nullable=False),
    ]
)
"""One row a suspect, the worst first: its label, the class that the model suggests, the model's probability of both,
cleanlab's score of the label (0 to 1, low is suspicious), and the calibrated probability of the class suggested."""


@dataclass(frozen=True)
class LabelNoise:
    """What was found.

    Attributes:
        suspects: rows of `SUSPECTS`, at most 50.
        found: how many suspects there are, listed or not.
        judged: how many labels were looked at.
        reason: why none were; None where some were.
    """

    suspects: pa.Table
    found: int
    judged: int
    reason: str | None


def nothing_judged(reason: str) -> LabelNoise:
    """No suspects, for a reason."""
    return LabelNoise(SUSPECTS.empty_table(), 0, 0, reason)


def find_label_noise(
    ids: Sequence[str],
    features: npt.NDArray[np.floating],
    labels: Sequence[str],
    classes: list[str],
    given_again: Collection[str] = (),
) -> LabelNoise:
    """Labels that cross-validated logistic regression and confident learning hold for wrong, the worst first.

    The result does not depend on the order of the samples. Classes with fewer than five labels are left out.

    Args:
        ids: N labelled samples.
        features: (N, d).
        labels: the class of each.
        classes: names of all classes.
        given_again: samples that are no suspects whatever the model says, as people were asked again and said the same.

    Source: Northcutt, Jiang and Chuang, Confident Learning, JAIR 2021, as cleanlab has it (filter "both").
    Cost: see `out_of_sample_probabilities`, on at most 10,000 samples: 0.1 s for 2,000 labels of 10 classes
    in 192 dimensions, 30 s for 10,000 of 1,000 classes in 384, on one core.
    """
    number = {name: index for index, name in enumerate(classes)}
    truth = np.array([number[label] for label in labels], dtype=np.int64)
    enough = np.flatnonzero(np.bincount(truth, minlength=len(classes)) >= LEAST_PER_CLASS)
    if len(enough) < 2:
        return nothing_judged(f"fewer than two classes have {LEAST_PER_CLASS} labels or more")
    names = np.asarray(ids, dtype=np.str_)
    rows = _judged(names, truth, enough)
    enough = np.unique(truth[rows])
    known = np.searchsorted(enough, truth[rows])
    probabilities = out_of_sample_probabilities(names[rows], np.asarray(features)[rows], known, len(enough))
    wrong, quality = _confident_learning(known, probabilities)
    suggested = probabilities.argmax(axis=1)
    every = np.arange(len(known))
    own, other = probabilities[every, known], probabilities[every, suggested]
    wrong &= (other >= TIMES_AS_LIKELY * own) & ~np.isin(names[rows], list(given_again))
    order = [row for row in np.lexsort((names[rows], quality)) if wrong[row]]
    listed = order[:MOST_LISTED]
    certainty = calibrated(probabilities, known)[every, suggested] if listed else other
    suspects = pa.table(
        {
            "sample_id": names[rows][listed].tolist(),
            "label": [classes[enough[known[row]]] for row in listed],
            "suggested": [classes[enough[suggested[row]]] for row in listed],
            "label_confidence": [_rounded(own[row]) for row in listed],
            "suggested_confidence": [_rounded(other[row]) for row in listed],
            "quality": [_rounded(quality[row]) for row in listed],
            "certainty": [_rounded(certainty[row]) for row in listed],
        },
        schema=SUSPECTS,
    )
    return LabelNoise(suspects, len(order), len(rows), None)


@dataclass(frozen=True)
class DoubtedLabel:
    """A label that the model would not have given: its sample, and how likely the model finds it, 0 to 1."""

    sample_id: str
    confidence: float


def doubted_labels(
    ids: Sequence[str], features: npt.NDArray[np.floating], labels: Sequence[str], classes: list[str]
) -> list[DoubtedLabel]:
    """Every label of a class other than the one that the model finds likeliest, the least likely label first.

    The model is cross-validated logistic regression, so that it has not seen the label. Its probabilities are
    calibrated by one temperature, the likeliest for all labels. Unlike `find_label_noise` this asks for no proof: it
    says in which order labels are worth a second look. Of 200 digits drawn at random, ten of them with a wrong label,
    84 % of the first ten were wrong (mean of ten seeds).

    Args:
        ids: N labelled samples.
        features: (N, d).
        labels: the class of each.
        classes: names of all classes. Those with fewer than five labels are not judged.

    Returns:
        The doubted labels, the same for any order of the samples; none where fewer than two classes can be judged.

    Cost: that of `find_label_noise`.
    """
    number = {name: index for index, name in enumerate(classes)}
    truth = np.array([number[label] for label in labels], dtype=np.int64)
    enough = np.flatnonzero(np.bincount(truth, minlength=len(classes)) >= LEAST_PER_CLASS)
    if len(enough) < 2:
        return []
    names = np.asarray(ids, dtype=np.str_)
    rows = _judged(names, truth, enough)
    known = np.searchsorted(enough, truth[rows])
    probabilities = calibrated(
        out_of_sample_probabilities(names[rows], np.asarray(features)[rows], known, len(enough)), known
    )
    own = np.round(probabilities[np.arange(len(known)), known], DIGITS)
    doubted = probabilities.argmax(axis=1) != known
    order = [row for row in np.lexsort((names[rows], own)) if doubted[row]]
    return [DoubtedLabel(str(names[rows[row]]), float(own[row])) for row in order]


def _judged(
    ids: npt.NDArray[np.str_], labels: npt.NDArray[np.int64], enough: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Rows to look at, sorted by id: those of classes with enough labels, fewer where there are too many.

    Where there are too many, each class has the first of a random order, so that no class is left with too few.
    """
    rows = np.flatnonzero(np.isin(labels, enough))
    if len(rows) > MOST_JUDGED:
        rows = rows[np.argsort(keyed_order(ids[rows], "label noise"), kind="stable")]
        rank = np.empty(len(rows), np.int64)
        for label in enough:
            members = np.flatnonzero(labels[rows] == label)
            rank[members] = np.arange(len(members))
        rows = rows[np.argsort(np.maximum(rank, LEAST_PER_CLASS), kind="stable")[:MOST_JUDGED]]
    return rows[np.argsort(ids[rows])]


def _confident_learning(
    labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Whether each label is held for wrong, and its quality between 0 and 1."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    wrong = find_label_issues(labels, probabilities, filter_by="both", n_jobs=1)
    return np.asarray(wrong, dtype=bool), np.asarray(get_label_quality_scores(labels, probabilities))


def _rounded(value: float) -> float:
    """Without the last bits of sums."""
    return round(float(value), DIGITS)
