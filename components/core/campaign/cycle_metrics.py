"""What evaluate finds of a trained cycle: `metrics.json`, which report, tracking, promotion and models read.

Fields with a default came later or are not measured by every recipe; None stands for both.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.estimate import AccuracyEstimate, NoEstimate, accuracy_in_words
from labelcycle.components.core.campaign.label_quality import (
    AnnotatorFigures,
    DisputedSamples,
    LabelSuspects,
    RecheckFigures,
)
from labelcycle.components.core.campaign.summary import KnownUnknown
from labelcycle.components.core.campaign.training import AlignmentVerdict, TrainingFacts
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import Record, read_record


class ClassMetrics(Record):
    """One class on the test set: precision, recall and F1, 0 without any case, and the test samples of the class."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


class ClassificationMetrics(Record):
    """A model on the test set.

    Attributes:
        accuracy: share of the test samples that are right; None where there are none.
        macro_f1: mean F1 of the classes that occur in the test set; None as for `accuracy`.
        ece: expected calibration error; None as for `accuracy`.
        test_samples: N, those that have a label and features.
        classes: one a class, in the campaign's order.
        confusion: counts, C×C: rows are true classes, columns predicted ones.
    """

    accuracy: float | None
    macro_f1: float | None
    ece: float | None
    test_samples: int
    classes: list[ClassMetrics]
    confusion: list[list[int]]


class ReliabilityBin(Record):
    """A bin of confidence, from `low` to `high`: its samples, their mean confidence, and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


class BatchMetrics(Record):
    """The test set after so many training batches of all loops of a data selection so far.

    The last two are given where one class is told from the rest: the accuracy on that class alone, and the mean of both
    sides. `test_samples` is how many were measured with, where not with all.
    """

    batches: int
    accuracy: float
    target_accuracy: float | None = None
    balanced_accuracy: float | None = None
    test_samples: int | None = None

    def figures(self) -> Iterator[tuple[str, float]]:
        """Each figure that was measured, with its name."""
        for name, value in self:
            if name not in ("batches", "test_samples") and value is not None:
                yield name, float(value)


Sign = Literal["", "≥", "≤", "~"]
"""What a figure is: exact, at least so much, at most so much, or of parts that are bounds in both directions."""


class MeanSaving(Record):
    """The mean saving ratio over cycles, how to read it, and the share of the cycles of which only a bound is known."""

    ratio: float
    sign: Sign
    censored_share: float


class RandomArm(Record):
    """What random picks bring, and what was saved against them.

    Attributes:
        labels: of the random arm's learning curve, rising.
        accuracy: at each of them.
        equivalent_labels: random labels that this cycle's accuracy would take.
        ratio: share of these that was saved.
        sign: how to read these two.
        average: over the cycles whose labels the strategy chose; None while there is none.
        source: what the random picks were drawn from, in words; None where an earlier version did not say.
    """

    labels: list[int]
    accuracy: list[float]
    equivalent_labels: float
    ratio: float
    sign: Sign
    average: MeanSaving | None
    source: str | None = None


class ExpectedAccuracy(Record):
    """What so many answers, which cost so much, are expected to bring, and its range."""

    answers: int
    cost: float
    accuracy: float
    low: float
    high: float


class NeededAnswers(Record):
    """The answers, and their cost, that an accuracy takes: most likely, at least and at most; None for out of reach."""

    accuracy: float
    answers: int | None
    answers_cost: float | None
    low: int | None
    low_cost: float | None
    high: int | None
    high_cost: float | None


class ExpectedGain(Record):
    """By how much so many further answers, which cost so much, are expected to raise the accuracy, and its range."""

    answers: int
    cost: float
    gain: float
    low: float
    high: float


class AccuracyForecast(Record):
    """Where the learning curve is heading.

    Attributes:
        reason: None, since there is a forecast.
        share: how sure the ranges are.
        ceiling: the accuracy with any number of labels.
        curve: from the last cycle to the end of the budget.
        targets: what the next accuracies take.
        more: what a round number of further answers brings; None where that is too far ahead to say, and in metrics of
            earlier versions.
    """

    reason: None
    share: float
    ceiling: float
    curve: list[ExpectedAccuracy]
    targets: list[NeededAnswers]
    more: ExpectedGain | None = None


class NoForecast(Record):
    """Why nothing can be said of where the learning curve is heading."""

    reason: str


class ConfusedPair(Record):
    """A class that the model takes for another, with a test sample of each kind to look at.

    Attributes:
        true: the class.
        predicted: what the model takes it for.
        count: test samples of this kind.
        sample_id: the one that the model is surest of.
        confidence: the model's probability of the wrong class.
        like: a labelled sample of the predicted class, the most similar one; None where none can be compared.
    """

    true: str
    predicted: str
    count: int
    sample_id: str
    confidence: float
    like: str | None


MISTAKEN = "mistaken.json"
"""The file of an attempt that holds `MistakenSamples`."""


class MistakenSamples(Record):
    """Test samples that the model takes for another class: their ids, sorted, among so many that were drawn by id."""

    drawn: int
    sample_ids: list[str]


class CycleMetrics(ClassificationMetrics):
    """Everything that is measured of a trained cycle: `metrics.json`.

    Attributes:
        cycle: from 0.
        labels: usable ones that it was trained on.
        answers: answers so far, which are paid for.
        label_cost: their price.
        space: the feature space of the model.
        training: the facts that training reported.
        previous_query: what the query before turned out to be worth; None where there was none.
        alignment: the decision to recompute features; None where the recipe has none.
        reliability: the bins of the calibration error.
        batch_points: of a data selection.
        stop: why the recipe's stop rule ends the campaign here; None where it does not.
        random: None where the root has no backtest with a random arm.
        forecast: of the accuracy.
        annotators: how well people agree.
        disputed: samples that they do not agree on.
        label_suspects: labels that may be wrong.
        test_set: digest of the test samples and their classes, where the test set can grow.
        estimate: what stands in for the accuracy where there is nothing to test with.
        labels_corrected: samples whose label is no longer what it was in the cycle before, those to test with too;
            None for none.
        test_labels_corrected: those of them that the model is tested with; None for none.
        labels_by_class: labels to learn from, by class; those without any are there with 0.
        rechecks: None where no label was asked for again.
        remeasured: how many earlier models were measured again, because the test set or the classes have
            changed; None for none.
        confused: what the model confuses most often; None in metrics of earlier versions and without test samples.
        mistaken: how many samples `mistaken.json` names; None where an earlier version evaluated, which wrote none.
    """

    cycle: int
    labels: int
    answers: int
    label_cost: float
    space: str
    training: TrainingFacts
    previous_query: KnownUnknown | None
    alignment: AlignmentVerdict | None = None
    reliability: list[ReliabilityBin] | None = None
    batch_points: list[BatchMetrics] | None = None
    stop: str | None = None
    random: RandomArm | None = None
    forecast: AccuracyForecast | NoForecast | None = None
    annotators: AnnotatorFigures | None = None
    disputed: DisputedSamples | None = None
    label_suspects: LabelSuspects | None = None
    test_set: str | None = None
    estimate: AccuracyEstimate | NoEstimate | None = None
    labels_corrected: int | None = None
    test_labels_corrected: int | None = None
    labels_by_class: dict[str, int] | None = None
    rechecks: RecheckFigures | None = None
    remeasured: int | None = None
    confused: list[ConfusedPair] | None = None
    mistaken: int | None = None

    @property
    def accuracy_in_words(self) -> str:
        """The accuracy, and what it is of, for people."""
        grows = self.test_set is not None
        return accuracy_in_words(self.accuracy, self.test_samples if grows else None, self.estimate)


def last_metrics(store: Store, commits: Sequence[Commit]) -> CycleMetrics | None:
    """Those of the last cycle that trained a model; None before the first.

    Raises:
        CampaignError: the object is gone, was changed, or is no such record.

    Cost: a small read.
    """
    references = [commit.objects["metrics"] for commit in commits if "metrics" in commit.objects]
    return read_record(store, references[-1], CycleMetrics) if references else None
