"""Label files: votes read whole, checked one by one, refused with the place and the remedy."""

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from labelcycle.components.core.campaign.votes import Status, Vote
from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.json_text import read_json_text
from labelcycle.components.labelling.label_folder import TABLES, SourceFile, source_file, source_files
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.components.labelling.text_table import (
    ID_NAMES,
    LABEL_NAMES,
    TextTable,
    read_text_table,
    refuse_large,
)

STATUSES: tuple[Status, ...] = ("ok", "skip", "unsure")

Placed = tuple[str, str, Vote]
"""Where in a file a vote stands, what the file calls the sample, and the vote."""


def read_votes_file(
    uri: str, known_ids: SampleIds, classes: Collection[str] | None, source: str | None = None
) -> list[Vote]:
    """The votes in a label file or in a folder of them, in their order, one of each person on each sample.

    Tables have the columns `sample_id` (also id, image, filename, file or path), `label` (also class), and optionally
    `annotator`, `time` and `status` (ok, skip or unsure). A row with an empty label and no status is not answered yet.
    JSON is an export of Label Studio, or a classification in COCO's form.

    Args:
        uri: a path or `s3://` URI ending in .csv, .jsonl, .parquet or .json, or that of a folder (see `source_files`).
        known_ids: resolves what the file calls a sample to the campaign's id.
        classes: the campaign's classes; None accepts any label.
        source: what the votes have as their source; None for the URI.

    Raises:
        InputError: unreadable file, missing column, unknown id, unknown class, unknown status, two answers of one
            person that differ; the place and the remedy are named.
    """
    source = uri if source is None else source
    votes: dict[tuple[str, str], tuple[SourceFile, str, Vote]] = {}
    with source_files(uri) as files:
        for file in files:
            for location, name, vote in _placed_votes(file, source):
                where = f"{file.uri}, {location}"
                _check(where, vote, classes)
                sample_id = _resolved(where, name, known_ids)
                if (vote.sample_id, vote.source) != (sample_id, source):
                    vote = Vote(sample_id, vote.annotator, vote.label, vote.status, vote.time, source)
                before, row, earlier = votes.setdefault((sample_id, vote.annotator), (file, location, vote))
                if _answer(earlier) != _answer(vote):
                    elsewhere = row if before == file else f"{before.uri}, {row}"
                    raise InputError(
                        f"{where}: {name!r} is {_answer(vote)!r} here but {_answer(earlier)!r} in {elsewhere}. Keep "
                        "the one that is right, or name who gave each in a column annotator."
                    )
    return [vote for _, _, vote in votes.values()]


def read_label_file(uri: str, known_ids: SampleIds, classes: Collection[str] | None) -> dict[str, Vote]:
    """One answer a sample, by sample id: where several people answered, the first of those that most gave.

    For labels that are known beforehand, such as those of a test set.

    Raises:
        InputError: as `read_votes_file`, and for a sample on which as many people say one thing as another.
    """
    by_sample: dict[str, list[Vote]] = {}
    for vote in read_votes_file(uri, known_ids, classes):
        by_sample.setdefault(vote.sample_id, []).append(vote)
    answers: dict[str, Vote] = {}
    for sample_id, votes in by_sample.items():
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
        uri: a path or `s3://` URI ending in .csv, .jsonl or .parquet.
        known_ids: resolves what the file calls a sample to the campaign's id.
        name: the column.

    Raises:
        InputError: unreadable file, missing column, unknown id, two texts that differ; the row and the
            remedy are named.
    """
    with source_file(uri, TABLES) as path:
        table = read_text_table(path, uri, (*ID_NAMES, name))
    texts: dict[str, str] = {}
    for row, sample, text in zip(table.rows, table.column(ID_NAMES), table.column((name,)), strict=True):
        if not text:
            continue
        sample_id = _resolved(f"{uri}, row {row}", sample, known_ids)
        if texts.setdefault(sample_id, text) != text:
            raise InputError(f"{uri}, row {row}: {sample!r} has another {name} above. Keep the right one.")
    return texts


def _placed_votes(file: SourceFile, source: str) -> Iterator[Placed]:
    if Path(file.uri).suffix.lower() == ".json":
        return _votes_of_json(file.path, file.uri)
    return _votes_of_table(read_text_table(file.path, file.uri), source)


def _votes_of_table(table: TextTable, source: str) -> Iterator[Placed]:
    names, labels = table.column(ID_NAMES), table.column(LABEL_NAMES)
    others = (table.optional_column(name) for name in ("status", "annotator", "time"))
    for row, name, label, status, annotator, time in zip(table.rows, names, labels, *others, strict=True):
        if not name:
            raise InputError(f"{table.uri}, row {row}: the sample id is empty. Fill it in or delete the row.")
        status = status or ("ok" if label else "")
        if not status:
            continue
        if status not in STATUSES:
            raise InputError(f"{table.uri}, row {row}: status {status!r} is not one of {', '.join(STATUSES)}.")
        given = label if status == "ok" else None
        yield f"row {row}", name, Vote(name, annotator, given, status, time, source)


def _votes_of_json(path: Path, uri: str) -> Iterator[Placed]:
    from labelcycle.components.labelling.json_labels import is_classification, votes_of_classification, votes_of_export

    try:
        refuse_large(path.stat().st_size)
        content = read_json_text(path.read_text(encoding="utf-8-sig"))
        yield from (
            votes_of_classification(content, uri) if is_classification(content) else votes_of_export(content, uri)
        )
    except UnicodeDecodeError as error:
        raise InputError(f"{uri} cannot be read as json: it is not UTF-8 ({error}). Save it as UTF-8.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{uri} cannot be read as json: {error}.") from error
    except RecursionError as error:
        raise InputError(f"{uri} is nested too deeply to be read. Export it again.") from error


def _check(location: str, vote: Vote, classes: Collection[str] | None) -> None:
    if vote.status != "ok":
        return
    if not vote.label:
        raise InputError(f"{location}: status ok without a label. Fill in the label, or set status to skip.")
    if classes is not None and vote.label not in classes:
        raise InputError(
            f"{location}: {vote.label!r} is not one of the campaign's classes: {', '.join(sorted(classes))}."
        )


def _resolved(location: str, name: str, known_ids: SampleIds) -> str:
    sample_id = known_ids.resolve(name)
    if sample_id is None:
        raise InputError(
            f"{location}: no sample, or more than one, is called {name!r}. Correct the id or delete the row."
        )
    return sample_id


def _answer(vote: Vote) -> str:
    return vote.label or vote.status
