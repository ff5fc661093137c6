"""Label files: votes read whole, checked one by one, refused with the place and the remedy."""

from collections import Counter
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from functools import cache

from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.runtime.garbage_collection import without_garbage_collection
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.labelling.answers import Answers, answers_in
from labelcycle.components.labelling.cells import FURTHER_ID_NAMES, ID_NAMES
from labelcycle.components.labelling.id_column import id_column
from labelcycle.components.labelling.label_folder import TABLES, source_file, source_files
from labelcycle.components.labelling.label_texts import refuse_unclear, refuse_unknown
from labelcycle.components.labelling.people import Spellings
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.components.labelling.text_table import read_text_table
from labelcycle.components.labelling.unlabelled import unlabelled_in_words

ADD_CLASS = " If it is a new class, add it: labelcycle amend ROOT --classes +NAME."

MOST_FORMER = 5
"""Former names of classes that a notice names."""


def read_votes_file(
    uri: str,
    known_ids: SampleIds,
    classes: Collection[str] | None,
    source: str | None = None,
    former_classes: Mapping[str, str] | None = None,
    taken_in: Container[str] = (),
) -> list[Vote]:
    """The votes in a label file or in a folder of them, in their order, one of each person on each sample.

    Tables have the columns `sample_id` (also id, image, filename, file or path), `label` (also class), and optionally
    `annotator`, `time` and `status` (ok, skip or unsure). A row without a label (`is_no_label`) and without a status is
    not answered yet. JSON is an export of Label Studio, or a classification in COCO's form.

    Notices say how many rows have something else than a label in its place, such as NaN, and, once a process, how many
    still have the name of a class that was renamed or merged, which they count as.

    Args:
        uri: a path or `s3://` URI ending in .csv, .tsv, .jsonl, .parquet, .xlsx or .json, or that of a folder (see
            `source_files`).
        known_ids: resolves what the file calls a sample to the campaign's id.
        classes: the campaign's classes; None accepts any label that differs from others in more than its spelling.
        source: what the votes have as their source; None for the URI.
        former_classes: the class that each name counts as which is none any more.
        taken_in: samples with answers that an earlier cycle took in; former names in their rows are not told of again.

    Raises:
        InputError: unreadable file, missing column, unknown id, unknown class, unknown status, two answers of one
            person that differ, boxes, several labels; the place and the remedy are named.

    Cost: memory for the rows; a million takes seconds.
    """
    votes = _read(uri, known_ids, classes, source, former_classes or {}, taken_in)
    if votes.former:
        _tell_once(f"{uri}: {_former_in_words(votes.former, former_classes or {})}.")
    if any(votes.unlabelled):
        notice(f"{uri}: {unlabelled_in_words(votes.unlabelled, votes.rows)}.")
    return votes.votes


def read_label_file(
    uri: str,
    known_ids: SampleIds,
    classes: Collection[str] | None,
    former_classes: Mapping[str, str] | None = None,
) -> dict[str, Vote]:
    """One answer a sample, by sample id: where several people answered, the first of those that most gave.

    For labels that are known beforehand, such as those of a test set. Notices are those of `read_votes_file`.

    Args:
        uri: as `read_votes_file`.
        known_ids: the same.
        classes: the same.
        former_classes: the same; None where there is no campaign yet.

    Raises:
        InputError: as `read_votes_file`, and for a sample on which as many people say one thing as another.
    """
    read = _read(uri, known_ids, classes, None, former_classes)
    if read.former:
        _tell_once(f"{uri}: {_former_in_words(read.former, former_classes or {})}.")
    if read.unlabelled:
        notice(f"{uri}: {unlabelled_in_words(read.unlabelled, read.rows)}.")
    answers: dict[str, Vote] = {}
    several: dict[str, list[Vote]] = {}
    for vote in read.votes:
        first = answers.setdefault(vote.sample_id, vote)
        if first is not vote:
            several.setdefault(vote.sample_id, [first]).append(vote)
    for sample_id, votes in several.items():
        counts = Counter(_answer(vote) for vote in votes).most_common(2)
        if len(counts) > 1 and counts[0][1] == counts[1][1]:
            raise InputError(
                f"{uri}: people disagree on {sample_id!r}: as many say {counts[0][0]!r} as {counts[1][0]!r}. Keep the "
                "answer that is right."
            )
        answers[sample_id] = next(vote for vote in votes if _answer(vote) == counts[0][0])
    return answers


def read_texts(uri: str, known_ids: SampleIds, name: str) -> dict[str, str]:
    """What a table says about each sample in the column `name`, by sample id; empty cells say nothing.

    Args:
        uri: a path or `s3://` URI ending in .csv, .tsv, .jsonl, .parquet or .xlsx.
        known_ids: resolves what the file calls a sample to the campaign's id.
        name: the column.

    Raises:
        InputError: unreadable file, missing column, unknown id, two texts that differ; the row and the
            remedy are named.
    """
    with source_file(uri, TABLES) as path:
        table = read_text_table(path, uri, (*ID_NAMES, *FURTHER_ID_NAMES, name))
    cells = table.column((name,))
    rows = [row for row, text in enumerate(cells) if text]
    column, samples = id_column(table, rows, known_ids)
    texts: dict[str, str] = {}
    for row, sample_id in zip(rows, samples, strict=True):
        sample, place = table.columns[column][row], f"{uri}, row {table.rows[row]}"
        if sample_id is None:
            raise InputError(_unknown_sample(place, sample, known_ids))
        if texts.setdefault(sample_id, cells[row]) != cells[row]:
            raise InputError(f"{place}: {sample!r} has another {name} above. Keep the right one.")
    return texts


@dataclass(frozen=True)
class _Read:
    """The votes of a source.

    Attributes:
        votes: by their classes as they are called now.
        unlabelled: how many of the rows say nothing, by what stands in the label's place.
        former: how many that no earlier cycle took in have the former name of a class, by that name.
        rows: all of them.
    """

    votes: list[Vote]
    unlabelled: Counter[str]
    former: Counter[str]
    rows: int


def _read(
    uri: str,
    known_ids: SampleIds,
    classes: Collection[str] | None,
    source: str | None,
    former_classes: Mapping[str, str] | None,
    taken_in: Container[str] = (),
) -> _Read:
    former: Counter[str] = Counter()
    remedy = "" if former_classes is None else ADD_CLASS
    with source_files(uri) as files, without_garbage_collection():
        named = None if classes is None else [*classes, *(former_classes or ())]
        answers = [answers_in(file, known_ids, named) for file in files]
        if former_classes:
            for part in answers:
                rows = zip(part.labels, part.samples, strict=True)
                former.update(name for name, sample in rows if name in former_classes and sample not in taken_in)
            answers = [part.renamed(former_classes) for part in answers]
        _check_labels(answers, classes, remedy)
        votes = _votes(answers, known_ids, uri if source is None else source)
    unlabelled: Counter[str] = Counter()
    for part in answers:
        unlabelled.update(part.unlabelled)
    return _Read(list(votes.values()), unlabelled, former, sum(part.rows for part in answers))


@cache
def _tell_once(message: str) -> None:
    """A notice that a process which looks at the same file again and again gives once."""
    notice(message)


def _former_in_words(counts: Mapping[str, int], former_classes: Mapping[str, str]) -> str:
    """How many rows have which former name, and what they count as; the most frequent are named."""
    shown = [
        f"{count:,} row{'' if count == 1 else 's'} with {name!r} count{'s' if count == 1 else ''} as "
        f"{former_classes[name]!r}"
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_FORMER]
    ]
    more = f", and {len(counts) - MOST_FORMER} more names" if len(counts) > MOST_FORMER else ""
    return f"{', '.join(shown)}{more}, as the campaign was amended"


def _votes(answers: list[Answers], known_ids: SampleIds, source: str) -> dict[tuple[str, str], Vote]:
    """What the files say, by sample and person."""
    votes: dict[tuple[str, str], Vote] = {}
    spellings = Spellings()
    for part in answers:
        if None in part.samples:
            position = part.samples.index(None)
            raise InputError(_unknown_sample(part.place(position), part.names[position], known_ids))
        differing = _add(votes, part, spellings, source)
        if differing is not None:
            raise InputError(_disagreement(answers, part, differing, spellings))
    return votes


def _check_labels(answers: list[Answers], classes: Collection[str] | None, remedy: str) -> None:
    """Refuse labels that are missing, unknown, or one in two spellings."""
    first: dict[str, Answers] = {}
    for part in answers:
        for label in dict.fromkeys(part.labels):
            first.setdefault(label, part)
    missing = first.pop("", None)
    if missing is not None:
        _refuse_missing(answers)
    if classes is None:
        refuse_unclear(list(first), lambda label: first[label].place_of_label(label))
        return
    for label, part in first.items():
        if label not in classes:
            refuse_unknown(label, classes, part.place_of_label(label), remedy)


def _refuse_missing(answers: list[Answers]) -> None:
    for part in answers:
        for position, (label, status) in enumerate(zip(part.labels, part.statuses, strict=True)):
            if status == "ok" and not label:
                raise InputError(
                    f"{part.place(position)}: status ok without a label. Fill in the label, or set status to skip."
                )


def _add(votes: dict[tuple[str, str], Vote], answers: Answers, spellings: Spellings, source: str) -> int | None:
    """Add the votes of a file to those of the files before; the first row that contradicts one, where one does."""
    people = list(map(spellings.of, answers.annotators))
    samples = [sample_id for sample_id in answers.samples if sample_id is not None]
    rows = zip(samples, people, answers.labels, answers.statuses, answers.times, strict=True)
    cast = [
        Vote(sample_id, person, label or None, status, time, source) for sample_id, person, label, status, time in rows
    ]
    here = dict(zip(zip(samples, people, strict=True), cast, strict=True))
    if len(here) == len(cast) and votes.keys().isdisjoint(here):
        votes |= here
        return None
    for position, vote in enumerate(cast):
        before = votes.setdefault((vote.sample_id, vote.annotator), vote)
        if before is not vote and _answer(before) != _answer(vote):
            return position
    return None


def _disagreement(answers: list[Answers], part: Answers, position: int, spellings: Spellings) -> str:
    """That a row says something else about a sample than a row before it by the same person does."""
    sample_id, person = part.samples[position], spellings.of(part.annotators[position])
    before, row = next(
        (earlier, row)
        for earlier in answers
        for row, (sample, name) in enumerate(zip(earlier.samples, earlier.annotators, strict=True))
        if sample == sample_id and spellings.of(name) == person
    )
    elsewhere = before.where(row) if before is part else before.place(row)
    return (
        f"{part.place(position)}: {part.names[position]!r} is {part.said(position)!r} here but {before.said(row)!r} in "
        f"{elsewhere}. Keep the one that is right, or name who gave each in a column annotator."
    )


def _unknown_sample(place: str, name: str, known_ids: SampleIds) -> str:
    return (
        f"{place}: no sample, or more than one, is called {name!r}; one is called {known_ids.example!r}. "
        "Correct the id or delete the row."
    )


def _answer(vote: Vote) -> str:
    return vote.label or vote.status
