"""How well annotators agree: with the consensus, with the model, and with one another (Krippendorff)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from labelcycle.components.core.campaign.label_quality import (
    Annotator,
    AnnotatorFigures,
    AnnotatorPair,
    DisputedSample,
    DisputedSamples,
)
from labelcycle.components.core.campaign.votes import Vote


def krippendorff_alpha(units: Iterable[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for nominal data: 1 is full agreement, 0 what chance gives, less is worse than chance.

    Args:
        units: the classes that people gave to each sample; samples with fewer than two count for nothing.

    Returns:
        None where no sample has two votes, or all votes are of one class, so that chance explains everything.

    Source: Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section C (nominal data, any number of
    observers, missing data).
    """
    paired = [unit for unit in units if len(unit) > 1]
    totals = Counter(label for unit in paired for label in unit)
    values = totals.total()
    expected = values * values - sum(count * count for count in totals.values())
    if not expected:
        return None
    observed = sum(
        (len(unit) ** 2 - sum(count * count for count in Counter(unit).values())) / (len(unit) - 1) for unit in paired
    )
    return 1 - (values - 1) * observed / expected


MOST_PAIRS = 30
"""Pairs of annotators that are listed, those with the most samples in common first."""


def annotator_figures(
    votes: Iterable[Vote], labels: Mapping[str, str], predicted: Mapping[str, str]
) -> AnnotatorFigures:
    """Figures of each annotator, of pairs of them, and of all together.

    Args:
        votes: those in force, one for each person and sample.
        labels: the label that came out, by id; samples without one are not among them.
        predicted: the class that the model had predicted when it asked, by id.

    Returns:
        The figures, with at most `MOST_PAIRS` pairs.
    """
    by_person: dict[str, list[Vote]] = defaultdict(list)
    classes: dict[str, dict[str, str]] = defaultdict(dict)
    for vote in votes:
        by_person[vote.annotator].append(vote)
        if vote.label is not None:
            classes[vote.sample_id][vote.annotator] = vote.label
    shared = {sample: answers for sample, answers in classes.items() if len(answers) > 1}
    return AnnotatorFigures(
        votes=sum(map(len, by_person.values())),
        samples=len(classes),
        several=len(shared),
        alpha=krippendorff_alpha(list(answers.values()) for answers in shared.values()),
        people=[_person(name, by_person[name], shared, labels, predicted) for name in sorted(by_person)],
        pairs=_pairs(shared),
    )


def _person(
    name: str,
    own: list[Vote],
    shared: Mapping[str, Mapping[str, str]],
    labels: Mapping[str, str],
    predicted: Mapping[str, str],
) -> Annotator:
    statuses = Counter(vote.status for vote in own)
    with_others = [vote for vote in own if vote.label is not None and vote.sample_id in shared]
    decided = [vote.label == labels[vote.sample_id] for vote in with_others if vote.sample_id in labels]
    asked = [
        vote.label == predicted[vote.sample_id]
        for vote in own
        if vote.label is not None and vote.sample_id in predicted
    ]
    return Annotator(
        annotator=name,
        votes=len(own),
        classes=statuses["ok"],
        skips=statuses["skip"],
        unsure=statuses["unsure"],
        compared=len(decided),
        agreement=_share(decided),
        predicted=len(asked),
        model_agreement=_share(asked),
    )


def _pairs(shared: Mapping[str, Mapping[str, str]]) -> list[AnnotatorPair]:
    """Pairs of people with the samples that both gave a class, and how often it was the same one."""
    same: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for answers in shared.values():
        for first, second in combinations(sorted(answers), 2):
            same[first, second].append(answers[first] == answers[second])
    order = sorted(same, key=lambda pair: (-len(same[pair]), pair))
    return [
        AnnotatorPair(
            first=first, second=second, shared=len(same[first, second]), agreement=_share(same[first, second])
        )
        for first, second in order[:MOST_PAIRS]
    ]


def _share(right: list[bool]) -> float | None:
    return sum(right) / len(right) if right else None


MOST_LISTED = 50


def disputed_samples(votes: Iterable[Vote], labels: Mapping[str, str]) -> DisputedSamples:
    """Samples with votes for more than one class: those without a label first, then by how little people agree.

    Args:
        votes: those in force.
        labels: the label that came out, by id.

    Returns:
        The count of all, and at most `MOST_LISTED` of them.
    """
    given: dict[str, Counter[str]] = defaultdict(Counter)
    for vote in votes:
        if vote.label is not None:
            given[vote.sample_id][vote.label] += 1
    rows = [_row(sample_id, counts, labels) for sample_id, counts in given.items() if len(counts) > 1]
    rows.sort(key=lambda row: (row.label is not None, row.agreement, row.sample_id))
    return DisputedSamples(count=len(rows), rows=rows[:MOST_LISTED])


def _row(sample_id: str, counts: Counter[str], labels: Mapping[str, str]) -> DisputedSample:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return DisputedSample(
        sample_id=sample_id,
        votes=ordered,
        label=labels.get(sample_id),
        agreement=ordered[0][1] / counts.total(),
    )
