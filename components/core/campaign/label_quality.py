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


class LabelSuspect(Record):
    """A label that may be wrong: the class suggested, the model's probability of both, the label's quality score."""

    sample_id: str
    label: str
    suggested: str
    label_confidence: float
    suggested_confidence: float
    quality: float


class LabelSuspects(Record):
    """Labels that may be wrong: how many of how many, or the reason why none were judged, and the worst."""

    found: int
    judged: int
    reason: str | None
    rows: list[LabelSuspect]
