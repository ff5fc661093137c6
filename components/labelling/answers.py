"""What one label file says, row by row, before it is asked whether samples and classes are known."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeVar, cast

from labelcycle.components.core.campaign.votes import STATUSES, Status
from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.id_column import id_column
from labelcycle.components.labelling.json_text import read_json_text
from labelcycle.components.labelling.label_folder import SourceFile
from labelcycle.components.labelling.label_spellings import ONE_LABEL
from labelcycle.components.labelling.label_texts import labels_meant
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.components.labelling.text_encoding import open_text
from labelcycle.components.labelling.text_table import (
    BOX_NAMES,
    LABEL_NAMES,
    TextTable,
    read_text_table,
    refuse_large,
)

Cell = TypeVar("Cell")

GIVEN = tuple(status for status in STATUSES if status != "withdrawn")
"""What people may write into a column `status`."""


@dataclass(frozen=True)
class Answers:
    """The rows that say anything, as they stand; all lists are of one length.

    Attributes:
        uri: the file, for messages.
        places: where each stands: the number of its row, or a text where the file has no rows.
        names: what it calls its sample.
        samples: the sample that is called so; None where none is.
        labels: its label, empty unless the status is ok.
        statuses: `ok`, `skip` or `unsure`.
        annotators: who says so; empty for nobody.
        times: when, or empty.
        unlabelled: of rows that say nothing, how many have what in the label's place.
        rows: all rows of the file.
    """

    uri: str
    places: Sequence[int | str]
    names: Sequence[str]
    samples: Sequence[str | None]
    labels: Sequence[str]
    statuses: Sequence[Status]
    annotators: Sequence[str]
    times: Sequence[str]
    unlabelled: dict[str, int]
    rows: int

    def place(self, position: int) -> str:
        """Where a row stands, for messages."""
        return f"{self.uri}, {self.where(position)}"

    def where(self, position: int) -> str:
        """Where in its file a row stands."""
        return _where(self.places[position])

    def said(self, position: int) -> str:
        """What a row says: its label, or else its status."""
        return self.labels[position] or self.statuses[position]

    def place_of_label(self, label: str) -> str:
        """Where a label stands first."""
        return self.place(self.labels.index(label))

    def renamed(self, names: Mapping[str, str]) -> Self:
        """The same, with these labels under other names."""
        return replace(self, labels=[names.get(label, label) for label in self.labels])


def answers_in(file: SourceFile, known_ids: SampleIds, classes: Collection[str] | None) -> Answers:
    """The answers in a file.

    Args:
        file: a table or JSON.
        known_ids: resolves what the file calls a sample to the campaign's id.
        classes: that are named; None where any label is one.

    Raises:
        InputError: unreadable file, missing column, unknown status, a row without a name, columns that name different
            samples, boxes or masks; the place and the remedy are named.
    """
    if Path(file.uri).suffix.lower() == ".json":
        return _answers_in_json(file, known_ids, classes)
    return _answers_in_table(read_text_table(file.path, file.uri), known_ids, classes)


def _answers_in_table(table: TextTable, known_ids: SampleIds, classes: Collection[str] | None) -> Answers:
    texts = table.column(LABEL_NAMES)
    _refuse_boxes(table)
    given = table.columns.get("status")
    if given is None:
        meant = _labels_meant(table, texts, range(len(texts)), classes)
        labels = list(map(meant.__getitem__, texts))
        statuses = ["ok" if label else "" for label in labels]
    else:
        _refuse_other_statuses(table, given)
        ok = [row for row, status in enumerate(given) if status in ("", "ok")]
        meant = _labels_meant(table, texts, ok, classes)
        labels = [""] * len(texts)
        for row in ok:
            labels[row] = meant[texts[row]]
        statuses = [status or ("ok" if label else "") for status, label in zip(given, labels, strict=True)]
    said = [row for row, status in enumerate(statuses) if status]
    name, samples = id_column(table, said, known_ids)
    _refuse_empty(table, name)
    return Answers(
        uri=table.uri,
        places=_of(table.rows, said),
        names=_of(table.columns[name], said),
        samples=samples,
        labels=_of(labels, said),
        statuses=cast(Sequence[Status], _of(statuses, said)),
        annotators=_of(table.optional_column("annotator"), said),
        times=_of(table.optional_column("time"), said),
        unlabelled=_counts(texts[row] for row, status in enumerate(statuses) if not status),
        rows=len(table.rows),
    )


def _labels_meant(
    table: TextTable, texts: Sequence[str], rows: Sequence[int], classes: Collection[str] | None
) -> dict[str, str]:
    def place(text: str) -> str:
        return f"{table.uri}, {_where(next(table.rows[row] for row in rows if texts[row] == text))}"

    return labels_meant(dict.fromkeys(_of(texts, rows)), classes, place)


def _refuse_boxes(table: TextTable) -> None:
    for columns in BOX_NAMES:
        if all(column in table.names for column in columns):
            raise InputError(
                f"{table.uri} says where in an image something is ({', '.join(columns)}), but {ONE_LABEL}. Take the "
                f"column{'s' if columns[1:] else ''} out if each image has one label as a whole."
            )


def _refuse_other_statuses(table: TextTable, given: Sequence[str]) -> None:
    for status in dict.fromkeys(given):
        if status and status not in GIVEN:
            row = table.rows[given.index(status)]
            raise InputError(f"{table.uri}, row {row}: status {status!r} is not one of {', '.join(GIVEN)}.")


def _refuse_empty(table: TextTable, name: str) -> None:
    if "" in table.columns[name]:
        row = table.rows[table.columns[name].index("")]
        raise InputError(f"{table.uri}, row {row}: the sample id is empty. Fill it in or delete the row.")


def _answers_in_json(file: SourceFile, known_ids: SampleIds, classes: Collection[str] | None) -> Answers:
    from labelcycle.components.labelling.json_labels import is_classification, votes_of_classification, votes_of_export

    uri = file.uri
    try:
        refuse_large(file.path.stat().st_size)
        with open_text(file.path) as opened:
            content = read_json_text(opened.read())
        found = votes_of_classification(content, uri) if is_classification(content) else votes_of_export(content, uri)
        placed = list(found)
    except (OSError, ValueError) as error:
        raise InputError(f"{uri} cannot be read as json: {error}.") from error
    except RecursionError as error:
        raise InputError(f"{uri} is nested too deeply to be read. Export it again.") from error
    given: dict[str, str] = {}
    for place, _, vote in placed:
        if vote.label:
            given.setdefault(vote.label, place)
    meant = labels_meant(given, classes, lambda text: f"{uri}, {given[text]}")
    said = [(place, name, vote) for place, name, vote in placed if not vote.label or meant[vote.label]]
    names = [name for _, name, _ in said]
    return Answers(
        uri=uri,
        places=[place for place, _, _ in said],
        names=names,
        samples=known_ids.resolve_all(names),
        labels=[meant[vote.label] if vote.label else "" for _, _, vote in said],
        statuses=[vote.status for _, _, vote in said],
        annotators=[vote.annotator for _, _, vote in said],
        times=[vote.time for _, _, vote in said],
        unlabelled=_counts(vote.label for _, _, vote in placed if vote.label and not meant[vote.label]),
        rows=len(placed),
    )


def _counts(texts: Iterable[str]) -> dict[str, int]:
    return dict(Counter(texts))


def _of(cells: Sequence[Cell], rows: Sequence[int]) -> Sequence[Cell]:
    return cells if len(rows) == len(cells) else [cells[row] for row in rows]


def _where(place: int | str) -> str:
    return place if isinstance(place, str) else f"row {place}"
