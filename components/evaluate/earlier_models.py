"""Earlier models on a test set, or by classes, that have changed since, so that the learning curve stays one curve."""

from collections.abc import Collection, Mapping

import numpy as np

from labelcycle.components.analysis.accuracy import classification_metrics, metrics_of_confusion
from labelcycle.components.core.campaign.attempt import Attempt
from labelcycle.components.core.campaign.class_changes import confusion_now, only_names_differ, probabilities_now
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.cycle_metrics import ClassificationMetrics, CycleMetrics
from labelcycle.components.core.campaign.remeasured import Remeasured, RemeasuredModel, read_remeasured
from labelcycle.components.core.campaign.state import State
from labelcycle.components.core.campaign.training import TrainingFacts
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.components.core.models.heads import read_head
from labelcycle.components.core.storage.objects import read_object, read_record
from labelcycle.components.evaluate.test_features import Features

NO_FEATURES = "its network did not see the test samples that came later"


def remeasure(work: Attempt, state: State, tested: Mapping[str, str]) -> tuple[Remeasured | None, bool]:
    """Measure the models of all cycles before this one as it is measured, if test set or classes have changed since.

    A name that has changed alone changes no figure. A merged class has the sum of the probabilities of its parts. That
    a test set which the budget pays for grows with every cycle is no reason to measure earlier models again.

    A model is a head on a feature space, so it can be measured where the space holds the test samples: that of the
    backbone as it comes does, that of a tuned backbone has those of its own time. Where that is gone, but the test set
    is what it was, the confusion of classes tells all but the calibration error.

    Args:
        work: the attempt.
        state: the campaign's.
        tested: class by id of the test samples that have a label.

    Returns:
        What holds for this cycle, None where models are as they were measured; and whether it was found just now.

    Cost: none where both are what they were; else a matrix product a model, and reading the test features of each
    space once.
    """
    earlier = [commit for commit in state.commits[: work.cycle] if "head" in commit.objects]
    before = read_remeasured(work.store, work.decision.previous)
    if not earlier or not tested:
        return before, False
    last = state.campaign_of(earlier[-1])
    same_names = last.classes == work.campaign.classes
    same_classes = same_names or (before is None and only_names_differ(last.classes, work.campaign))
    same_tests = last.truth == work.campaign.truth or work.campaign.test_from_budget > 0
    if same_tests and same_classes:
        return before, False
    features: dict[str, Features | None] = {}
    models = []
    for commit in earlier:
        space = read_record(work.store, commit.objects["training"], TrainingFacts).space
        if space not in features:
            features[space] = _features(work, space, tested)
        models.append(_measured(work, state, commit, features[space], tested))
    return Remeasured(truth=work.campaign.truth.sha256, models=models), True


def _features(work: Attempt, name: str, tested: Collection[str]) -> Features | None:
    """Features of the test samples in a space; None where it lacks some that can be read."""
    space = FeatureSpace(work.store, name)
    listing = space.listing()
    if not listing.parts:
        return None
    missing = set(tested) - space.ids(listing)
    if missing - {row["sample_id"] for row in space.quarantined(listing)}:
        return None
    return Features(*space.read(sorted(tested)))


def _measured(
    work: Attempt, state: State, commit: Commit, features: Features | None, tested: Mapping[str, str]
) -> RemeasuredModel:
    """The model of a cycle on these samples."""
    campaign, then = work.campaign, state.campaign_of(commit)
    if features is not None and features.ids:
        index = {name: number for number, name in enumerate(campaign.classes)}
        targets = np.array([index[tested[name]] for name in features.ids], dtype=np.int64)
        head = read_head(read_object(work.store, commit.objects["head"]))
        probabilities = probabilities_now(head.probabilities(features.vectors), then.classes, campaign)
        return _model(commit, classification_metrics(probabilities, targets, campaign.classes))
    metrics = read_record(work.store, commit.objects["metrics"], CycleMetrics)
    if then.truth == campaign.truth and metrics.test_samples:
        confusion = confusion_now(metrics.confusion, then.classes, campaign)
        return _model(commit, metrics_of_confusion(confusion, campaign.classes))
    return RemeasuredModel(
        cycle=commit.cycle, accuracy=None, macro_f1=None, ece=None, test_samples=0, classes=[], reason=NO_FEATURES
    )


def _model(commit: Commit, found: ClassificationMetrics) -> RemeasuredModel:
    return RemeasuredModel(
        cycle=commit.cycle,
        accuracy=found.accuracy,
        macro_f1=found.macro_f1,
        ece=found.ece,
        test_samples=found.test_samples,
        classes=found.classes,
    )
