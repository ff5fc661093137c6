"""The gate to `champion`: on the same test set, no lower accuracy, and no class that is recognised much worse."""

import math
from collections import Counter
from typing import Annotated

from pydantic import Field

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.class_changes import confusion_now
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.cycle_metrics import CycleMetrics
from labelcycle.components.core.campaign.remeasured import Remeasured
from labelcycle.components.core.config.settings import Settings
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import read_record
from labelcycle.components.core.storage.tables import TEST_PREDICTIONS, read_table

ONE_SIDED_95_PERCENT = 1.645
"""The quantile of the normal distribution that 5 in 100 draws exceed."""

ROUNDING = 1e-9


class Gate(Settings):
    """What a challenger is allowed to be worse by.

    Attributes:
        tolerance: in accuracy over the whole test set.
        class_margin: in the recall of a class that the test set has many samples of; `noise` is allowed in any case.
    """

    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.0
    class_margin: Annotated[float, Field(ge=0, le=1)] = 0.05


class ClassFigures(Settings):
    """How well one class is recognised: the share of its test samples that are, and their number."""

    name: str
    recall: float
    support: int


class ModelName(Settings):
    """A cycle's model as it is described.

    Attributes:
        cycle: the cycle that trained it.
        commit: the digest of the cycle's commit.
        accuracy: on the test set; None where there was nothing to test with.
        test_set: the digest of the table of true classes, or of the test samples where these can grow.
    """

    cycle: int
    commit: str
    accuracy: float | None
    test_set: str


class Model(ModelName):
    """The same, with figures of each class, in the campaign's order.

    `measured_again` says that it was measured on the test samples of another model, `other_classes` that it knows the
    classes as they were before they were renamed, merged or added to.
    """

    classes: list[ClassFigures]
    measured_again: bool = False
    other_classes: bool = False

    @property
    def name(self) -> ModelName:
        """The model without the classes."""
        return ModelName(**self.model_dump(exclude={"classes", "measured_again", "other_classes"}))


class ClassChange(Settings):
    """What becomes of one class if the challenger takes over.

    Attributes:
        name: the class.
        support: its test samples.
        before: the champion's recall.
        after: the challenger's recall.
        allowed: by how much recall may fall.
    """

    name: str
    support: int
    before: float
    after: float
    allowed: float

    @property
    def change(self) -> float:
        """Recall gained, below 0 where it falls."""
        return self.after - self.before

    @property
    def refused(self) -> bool:
        """Whether the fall is larger than allowed."""
        return -self.change > self.allowed + ROUNDING


class PromotionVerdict(Settings):
    """Whether a challenger may take over, why, and what changes class by class, the worst first."""

    passed: bool
    reason: str
    changes: list[ClassChange] = []

    @property
    def fallen(self) -> list[ClassChange]:
        """The classes that fall by more than is allowed."""
        return [change for change in self.changes if change.refused]


def model_of(
    store: Store,
    campaign: Campaign,
    commit: Commit,
    tested_as: Commit | None = None,
    remeasured: Remeasured | None = None,
) -> Model:
    """The model of a cycle that trained one, with the figures that its evaluation wrote.

    Args:
        store: the campaign's.
        campaign: with the classes to judge by: those of the model, or those that came after them.
        commit: the cycle's.
        tested_as: that of another model, on whose test samples this one is to be measured where the test set can grow.
        remeasured: what earlier models come to on a test set that has changed since; None where it has not.
    """
    metrics = read_record(store, commit.objects["metrics"], CycleMetrics)
    again = None if remeasured is None else remeasured.of(commit.cycle)
    if again is not None:
        return Model(
            cycle=commit.cycle,
            commit=commit.digest,
            accuracy=again.accuracy,
            test_set=campaign.truth.sha256,
            classes=[ClassFigures(name=one.name, recall=one.recall, support=one.support) for one in again.classes],
            measured_again=True,
            other_classes=[one.name for one in metrics.classes] != campaign.classes,
        )
    if tested_as is not None and PREDICTIONS in commit.objects and PREDICTIONS in tested_as.objects:
        return _measured_again(store, campaign, commit, metrics, tested_as)
    model = Model(
        cycle=commit.cycle,
        commit=commit.digest,
        accuracy=metrics.accuracy,
        test_set=metrics.test_set or campaign.truth.sha256,
        classes=[ClassFigures(name=one.name, recall=one.recall, support=one.support) for one in metrics.classes],
    )
    same = [one.name for one in metrics.classes] == campaign.classes
    return model if same else _by_present_classes(model, metrics, campaign)


def _by_present_classes(model: Model, metrics: CycleMetrics, campaign: Campaign) -> Model:
    """A model of earlier classes: what it calls by a former name counts as what that is now."""
    confusion = confusion_now(metrics.confusion, [one.name for one in metrics.classes], campaign)
    right, support = confusion.diagonal().tolist(), confusion.sum(axis=1).tolist()
    figures = [
        ClassFigures(name=name, recall=hits / max(1, count), support=count)
        for name, hits, count in zip(campaign.classes, right, support, strict=True)
    ]
    accuracy = None if model.accuracy is None else sum(right) / max(1, sum(support))
    return model.model_copy(update={"accuracy": accuracy, "classes": figures, "other_classes": True})


PREDICTIONS = "test_predictions"
NOT_TESTED = "it was not tested, for want of a test set"


def _measured_again(
    store: Store, campaign: Campaign, commit: Commit, metrics: CycleMetrics, tested_as: Commit
) -> Model:
    """A model on the test samples of another one, by the classes that these had then.

    Cost: reads two small tables; no model.
    """
    tables = [read_table(store, each.objects[PREDICTIONS], TEST_PREDICTIONS) for each in (commit, tested_as)]
    mine, theirs = (
        dict(zip(table["sample_id"].to_pylist(), table[column].to_pylist(), strict=True))
        for table, column in zip(tables, ("predicted", "label"), strict=True)
    )
    mine = {name: campaign.class_of(predicted) for name, predicted in mine.items()}
    tested = [(name, campaign.class_of(label)) for name, label in theirs.items() if label is not None]
    right = Counter(label for name, label in tested if mine.get(name) == label)
    support = Counter(label for name, label in tested if name in mine)
    return Model(
        cycle=commit.cycle,
        commit=commit.digest,
        accuracy=right.total() / support.total() if support else None,
        test_set=read_record(store, tested_as.objects["metrics"], CycleMetrics).test_set or "",
        measured_again=True,
        other_classes=[one.name for one in metrics.classes] != campaign.classes,
        classes=[
            ClassFigures(name=name, recall=right[name] / max(1, support[name]), support=support[name])
            for name in campaign.classes
        ],
    )


def judge(challenger: Model, champion: Model | None, gate: Gate) -> PromotionVerdict:
    """Whether the challenger may take over.

    It may where there is no champion. Else both must have been measured on the same test samples, its accuracy must not
    be lower by more than `gate.tolerance`, and no class's recall by more than the larger of `gate.class_margin` and
    `noise`. Where no model was ever tested, since nothing is there to test with, the later one takes over.
    """
    mine = NOT_TESTED if challenger.accuracy is None else f"accuracy {challenger.accuracy:.4f}"
    if champion is None:
        return PromotionVerdict(passed=True, reason=f"{mine}, and there was no champion")
    theirs = f"the champion, cycle {champion.cycle},"
    if challenger.accuracy is None and champion.accuracy is None:
        later = challenger.cycle > champion.cycle
        what = "the model with more labels takes over" if later else "the model with more labels stays"
        return PromotionVerdict(passed=later, reason=f"{NOT_TESTED}, nor was {theirs} {what}")
    if challenger.accuracy is None or champion.accuracy is None:
        which = "it" if challenger.accuracy is None else theirs.removesuffix(",")
        return PromotionVerdict(passed=False, reason=f"{which} was not tested, so the two cannot be compared")
    if challenger.test_set != champion.test_set or _supports(challenger) != _supports(champion):
        return PromotionVerdict(passed=False, reason=f"{theirs} was not measured on the same test samples")
    changes = class_changes(challenger, champion, gate)
    compared = f"{mine}, {theirs} has {champion.accuracy:.4f}"
    compared += " on the same test samples" if champion.measured_again else ""
    compared += " by the classes as they are now" if champion.other_classes or challenger.other_classes else ""
    if challenger.accuracy < champion.accuracy - gate.tolerance - ROUNDING:
        allowed = f", and {gate.tolerance:g} less is allowed" if gate.tolerance else ""
        return PromotionVerdict(passed=False, reason=compared + allowed, changes=changes)
    verdict = PromotionVerdict(passed=True, reason=compared, changes=changes)
    if verdict.fallen:
        return PromotionVerdict(passed=False, reason=f"{compared}, but {_named(verdict.fallen)}", changes=changes)
    return verdict


def class_changes(challenger: Model, champion: Model, gate: Gate) -> list[ClassChange]:
    """Each class that the test set has, the one that loses most of what it may lose first."""
    changes = [
        ClassChange(
            name=after.name,
            support=after.support,
            before=before.recall,
            after=after.recall,
            allowed=max(gate.class_margin, noise(before.recall, after.recall, after.support)),
        )
        for before, after in zip(champion.classes, challenger.classes, strict=True)
        if after.support
    ]
    return sorted(changes, key=lambda change: change.change + change.allowed)


def noise(before: float, after: float, support: int) -> float:
    """A fall in recall that so few test samples can show by chance: 1.645 standard errors of the difference, and 1 / n.

    The shares are taken with one success and one failure more, p = (recall · n + 1) / (n + 2), so that a class that is
    always right has a standard error too: sqrt((p₁ (1 - p₁) + p₂ (1 - p₂)) / (n + 2)). 1 / n is the correction for
    continuity. Of two models that are right by chance equally often, on samples of their own, the second seems that
    much worse at most 5.5 times in 100, whatever n and however often they are right. Both see the same samples and are
    often wrong together, which makes true noise smaller. With many classes it is more likely that one of them falls so.

    Args:
        before: one model's recall.
        after: the other model's.
        support: n, the test samples of the class.

    Source: Agresti and Caffo, Simple and effective confidence intervals for proportions and differences of proportions
    result from adding two successes and two failures, The American Statistician 54(4), 2000; for the correction Fleiss,
    Statistical methods for rates and proportions, 1981.
    """
    shares = [(recall * support + 1) / (support + 2) for recall in (before, after)]
    variance = sum(share * (1 - share) for share in shares) / (support + 2)
    return ONE_SIDED_95_PERCENT * math.sqrt(variance) + 1 / support


def _supports(model: Model) -> list[tuple[str, int]]:
    """The test samples of each class: fewer where images could not be read."""
    return [(figures.name, figures.support) for figures in model.classes]


def _named(fallen: list[ClassChange]) -> str:
    """`class 'cat' falls from 0.90 to 0.40 (0.22 is allowed)`, the worst three by name."""
    shown = [
        f"class {change.name!r} falls from {change.before:.2f} to {change.after:.2f} ({change.allowed:.2f} is allowed)"
        for change in fallen[:3]
    ]
    more = f", and {len(fallen) - 3} more" if len(fallen) > 3 else ""
    return ", ".join(shown) + more
