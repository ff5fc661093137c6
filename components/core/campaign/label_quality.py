"""How good the labels of a cycle are: how well people agree, what they dispute, and which labels may be wrong."""

from labelcycle.components.core.storage.objects import Record


class Annotator(Record):
    """One person's votes.

    Attributes:
        annotator: the person; empty where no name was given.
        votes: those in force.
        classes: votes for a class.
        skips: skipped samples.
        unsure: samples that the person was unsure of.
        compared: votes for a class on samples that others gave a class too, and that have a label.
        agreement: share of these that is the label; None without any.
        predicted: votes for a class on samples that the model had predicted.
        model_agreement: share of these that is the prediction; None without any.
    """

    annotator: str
    votes: int
    classes: int
    skips: int
    unsure: int
    compared: int
    agreement: float | None
    predicted: int
    model_agreement: float | None


class AnnotatorPair(Record):
    """Two people, the samples that both gave a class, and how often it was the same one."""

    first: str
    second: str
    shared: int
    agreement: float | None


class AnnotatorFigures(Record):
    """How well people agree.

    Attributes:
        votes: those in force.
        samples: that have a class from somebody.
        several: that have one from two people or more.
        alpha: Krippendorff's; None where it says nothing.
        people: by name.
        pairs: those with the most samples in common first.
    """

    votes: int
    samples: int
    several: int
    alpha: float | None
    people: list[Annotator]
    pairs: list[AnnotatorPair]


class DisputedSample(Record):
    """A sample with votes for more than one class.

    Attributes:
        sample_id: the sample.
        votes: each class with its count, most votes first.
        label: what came out; None while undecided.
        agreement: share of the votes that the leading class has.
    """

    sample_id: str
    votes: list[tuple[str, int]]
    label: str | None
    agreement: float


class DisputedSamples(Record):
    """How many samples are disputed, and those that people agree on least."""

    count: int
    rows: list[DisputedSample]


SURE = 0.8
"""A calibrated model that gives a class this probability is sure of it."""


class LabelSuspect(Record):
    """A label that may be wrong: the class suggested, the model's probability of both, the label's quality score.

    `certainty` is the calibrated probability of the class suggested; None in what earlier versions wrote.
    """

    sample_id: str
    label: str
    suggested: str
    label_confidence: float
    suggested_confidence: float
    quality: float
    certainty: float | None = None

    @property
    def is_sure(self) -> bool:
        """Whether a calibrated model is sure of the class suggested."""
        return self.certainty is not None and self.certainty >= SURE


class LabelSuspects(Record):
    """Labels that may be wrong: how many of how many, or the reason why none were judged, and the worst."""

    found: int
    judged: int
    reason: str | None
    rows: list[LabelSuspect]


class CorrectedLabel(Record):
    """A label that a recheck changed: what it was, what it is, and the cycle that asked again."""

    sample_id: str
    before: str
    label: str
    cycle: int


class RecheckFigures(Record):
    """What came of asking again for labels that the model doubts, in the whole campaign.

    Attributes:
        asked: labels that were asked for again; each is paid for.
        answered: those that somebody has answered again.
        confirmed: of these, where the second answer is the first.
        corrected: of these, where the label is another one now. The others were skipped, unsure, or outvoted.
        corrections: the last of them.
    """

    asked: int
    answered: int
    confirmed: int
    corrected: int
    corrections: list[CorrectedLabel]

    @property
    def in_words(self) -> str:
        """The counts, for people."""
        asked = "1 label was" if self.asked == 1 else f"{self.asked:,} labels were"
        open_ones = f", {self.asked - self.answered:,} not answered yet" if self.asked > self.answered else ""
        return f"{asked} asked for again: {self.confirmed:,} confirmed, {self.corrected:,} corrected{open_ones}"
