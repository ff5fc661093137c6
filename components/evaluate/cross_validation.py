"""Accuracy without a test set: cross-validated over the labels to learn from, in folds that no group is divided by."""

import warnings
from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from labelcycle.components.analysis.intervals import wilson_interval
from labelcycle.components.analysis.out_of_sample import FOLDS, assign_folds, out_of_sample_probabilities
from labelcycle.components.core.campaign.estimate import AccuracyEstimate, NoEstimate
from labelcycle.components.core.features.ordering import sampled

LEAST_JUDGED = 20

MOST = 10_000
"""With more labels, so many of them are looked at, drawn by id."""


def estimate_accuracy(
    ids: npt.NDArray[np.str_],
    features: npt.NDArray[np.floating],
    labels: npt.NDArray[np.int64],
    classes: int,
    groups: Mapping[str, str],
    chosen: Collection[str] = (),
) -> AccuracyEstimate | NoEstimate:
    """The accuracy of a logistic regression on labels of other folds than it learnt from.

    Each fold has its share of every class. The only label of a class counts as wrong, since nothing tells of it. All
    labels are learnt from; where `LEAST_JUDGED` or more are of samples that no strategy chose, these alone are judged.

    Args:
        ids: N distinct sample ids.
        features: (N, d).
        labels: class indices, (N,).
        classes: C.
        groups: group by id, none of which is in two folds; empty for none.
        chosen: ids of those that a strategy chose.

    Returns:
        The estimate, the same for any order of rows; or why there is none.

    Cost: that of `out_of_sample_probabilities`, on at most 10,000 samples.
    """
    if (np.bincount(labels, minlength=classes) >= 2).sum() < 2:
        return NoEstimate(reason="two classes with two labels each are needed")
    rows = np.argsort(ids)
    rows = rows[sampled(ids[rows], MOST, "estimate")]
    ids, features, labels = ids[rows], features[rows], labels[rows]
    grouped = any(name in groups for name in ids.tolist())
    fold = _grouped_folds(ids, labels, groups) if grouped else assign_folds(ids, labels, FOLDS)
    if fold is None:
        return NoEstimate(reason="labels of two groups or more, with two classes in each fold's rest, are needed")
    predicted = out_of_sample_probabilities(ids, features, labels, classes, fold=fold).argmax(axis=1)
    others = np.array([name not in chosen for name in ids.tolist()])
    judged = others if others.sum() >= LEAST_JUDGED else np.ones(len(ids), np.bool_)
    right, count = int((predicted == labels)[judged].sum()), int(judged.sum())
    low, high = wilson_interval(right, count)
    return AccuracyEstimate(
        accuracy=right / count,
        low=round(low, 6),
        high=round(high, 6),
        labels=count,
        folds=len(np.unique(fold)),
        grouped=grouped,
        chosen=not others[judged].all(),
    )


def _grouped_folds(
    ids: npt.NDArray[np.str_], labels: npt.NDArray[np.int64], groups: Mapping[str, str]
) -> npt.NDArray[np.int64] | None:
    """The fold of each sample, whole groups in each; None where no model could learn two classes from the others.

    Args:
        ids: sorted.
        labels: their classes.
        groups: group by id; a sample that is missing is a group of its own.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    unit = np.array([f"group {groups[name]}" if name in groups else f"sample {name}" for name in ids.tolist()])
    folds = min(FOLDS, len(np.unique(unit)), int(np.bincount(labels).max()))
    if folds < 2:
        return None
    fold = np.empty(len(ids), np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a class has fewer samples than there are folds
        parts = StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(ids, labels, unit)
        for number, (_, held_out) in enumerate(parts):
            fold[held_out] = number
    rest = [np.unique(labels[fold != number]) for number in np.unique(fold)]
    return fold if all(len(kinds) > 1 for kinds in rest) else None
