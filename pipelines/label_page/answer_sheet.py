"""A delivered query as its CSV: what people have answered so far, and the same file with one answer more.

Spreadsheets may have saved the file in the meantime, with another separator or encoding, other columns or fewer rows.
All of that stays; only the cells of the answer change.
"""

import codecs
import csv
import functools
import io
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.cells import ID_NAMES
from labelcycle.components.labelling.csv_table import SEPARATORS
from labelcycle.components.labelling.delivered_csv import WRITE_AGAIN
from labelcycle.components.labelling.people import person
from labelcycle.components.labelling.text_encoding import UTF_16
from labelcycle.components.labelling.text_table import LABEL_NAMES
from labelcycle.components.labelling.unlabelled import is_no_label

ANNOTATOR, LABEL, STATUS, TIME = "annotator", "label", "status", "time"


@dataclass(frozen=True)
class PersonsAnswer:
    """What one person says of one sample.

    Attributes:
        label: the class; empty unless the status is `ok`.
        status: `ok`, `skip` or `unsure`.
        annotator: who says so; empty where nobody is named.
        time: when, ISO 8601 in UTC; empty where somebody else than the page wrote the row.
    """

    label: str
    status: str
    annotator: str = ""
    time: str = ""

    @property
    def said(self) -> str:
        """The class, or else the status."""
        return self.label or self.status


@dataclass(frozen=True)
class AnswerSheet:
    """The rows of a delivered query.

    Attributes:
        address: the file, for messages.
        before_header: a line that names the separator to spreadsheets; empty where there is none.
        encoding: as Python calls it.
        separator: between cells.
        header: names of the columns.
        rows: cells, one list a row, as many as there are columns.
        samples: the sample of each row; None where the row names none.
        classes: the campaign's.
    """

    address: str
    before_header: str
    encoding: str
    separator: str
    header: list[str]
    rows: list[list[str]]
    samples: list[str | None]
    classes: Collection[str]

    @functools.cached_property
    def answers(self) -> dict[str, list[PersonsAnswer]]:
        """What people have answered, by sample, in the order of the rows."""
        found: dict[str, list[PersonsAnswer]] = {}
        for row, sample_id in enumerate(self.samples):
            answer = self._answer(row)
            if sample_id is not None and answer is not None:
                found.setdefault(sample_id, []).append(answer)
        return found

    def with_answer(self, sample_id: str, answer: PersonsAnswer) -> "AnswerSheet":
        """The sheet in which this is the person's answer about the sample.

        It stands in the person's own row of that sample, else in one that nobody has filled in, else in a new one.
        """
        sheet = self._with_columns([*self._wanted_columns(), *([ANNOTATOR] if answer.annotator else [])])
        rows = [row for row, sample in enumerate(sheet.samples) if sample == sample_id]
        mine = [row for row in rows if (given := sheet._answer(row)) and given.annotator == answer.annotator]
        mine += [row for row in rows if (given := sheet._answer(row)) and _same_person(given, answer)]
        free = [row for row in rows if sheet._answer(row) is None and sheet._free_for(row, answer.annotator)]
        cells = [list(row) for row in sheet.rows]
        samples = list(sheet.samples)
        if not mine and not free:
            like = cells[rows[0]] if rows else None
            cells.append(sheet._new_row(sample_id, like))
            samples.append(sample_id)
        row = (mine or free or [len(cells) - 1])[0]
        status = "" if answer.status == "ok" else answer.status
        filled = {sheet._label_column(): answer.label, STATUS: status, TIME: answer.time}
        filled |= {ANNOTATOR: answer.annotator} if answer.annotator else {}
        for name, text in filled.items():
            cells[row][sheet.header.index(name)] = text
        return replace(sheet, rows=cells, samples=samples)

    def without_answer(self, sample_id: str, annotator: str) -> "AnswerSheet":
        """The sheet in which this person has not answered about the sample."""
        cells = [list(row) for row in self.rows]
        for row, sample in enumerate(self.samples):
            given = self._answer(row)
            if sample == sample_id and given is not None and person(given.annotator) == person(annotator):
                for name in (self._label_column(), STATUS, TIME, *([ANNOTATOR] if annotator else [])):
                    if name in self.header:
                        cells[row][self.header.index(name)] = ""
        return replace(self, rows=cells)

    def as_bytes(self) -> bytes:
        """The content of the file."""
        text = io.StringIO()
        text.write(self.before_header)
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerows([self.header, *self.rows])
        return text.getvalue().encode(self.encoding)

    def _answer(self, row: int) -> PersonsAnswer | None:
        label, status = self._cell(row, self._label_column()), self._cell(row, STATUS) or "ok"
        if status == "ok" and is_no_label(label, self.classes):
            return None
        return PersonsAnswer(label if status == "ok" else "", status, self._cell(row, ANNOTATOR), self._cell(row, TIME))

    def _cell(self, row: int, name: str) -> str:
        return self.rows[row][self.header.index(name)].strip() if name in self.header else ""

    def _free_for(self, row: int, annotator: str) -> bool:
        return person(self._cell(row, ANNOTATOR)) in ("", person(annotator))

    def _label_column(self) -> str:
        return next((name for name in LABEL_NAMES if name in self.header), LABEL)

    def _wanted_columns(self) -> list[str]:
        return [self._label_column(), STATUS, TIME]

    def _with_columns(self, names: Sequence[str]) -> "AnswerSheet":
        missing = [name for name in names if name not in self.header]
        if not missing:
            return self
        rows = [[*row, *("" for _ in missing)] for row in self.rows]
        return replace(self, header=[*self.header, *missing], rows=rows)

    def _new_row(self, sample_id: str, like: list[str] | None) -> list[str]:
        """An unanswered row about a sample, like another about it where there is one."""
        row = [""] * len(self.header) if like is None else list(like)
        if like is None:
            row[self.header.index(_id_column(self.header, self.address))] = sample_id
        for name in (self._label_column(), STATUS, TIME, ANNOTATOR):
            if name in self.header:
                row[self.header.index(name)] = ""
        return row


def read_sheet(
    data: bytes, address: str, sample_of: Callable[[str], str | None], classes: Collection[str]
) -> AnswerSheet:
    """The rows of a delivered query.

    Args:
        data: the content of the file.
        address: where it is, for messages.
        sample_of: the id of the sample that a row calls so; None where none is.
        classes: the campaign's.

    Raises:
        InputError: it is no such CSV any more; the message says why, and what to do.
    """
    encoding, text = _decoded(data, address)
    before_header, text = _separator_line(text)
    separator = before_header.strip().strip('"')[-1] if before_header else _separator_of(text)
    try:
        records = list(
            csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
        )
    except csv.Error as error:
        raise InputError(f"{address} is no CSV any more: {error}. Correct it there, or restore it.") from error
    records = [cells for cells in records if any(map(str.strip, cells))]
    if not records:
        raise InputError(f"{address} is empty. {WRITE_AGAIN}")
    header = [name.strip() for name in records[0]]
    column = header.index(_id_column(header, address))
    for cells in records[1:]:
        if len(cells) != len(header):
            raise InputError(
                f"{address}: a row has {len(cells)} cells where the header has {len(header)}: "
                f"{separator.join(cells)!r}. Correct it there."
            )
    samples = [sample_of(cells[column].strip()) for cells in records[1:]]
    return AnswerSheet(address, before_header, encoding, separator, header, records[1:], samples, classes)


def _decoded(data: bytes, address: str) -> tuple[str, str]:
    """The encoding to write in again, and the text."""
    marked = data.startswith(codecs.BOM_UTF8)
    encoding = "utf-16" if data.startswith(UTF_16) else "utf-8-sig" if marked else "utf-8"
    try:
        return encoding, data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{address} is not UTF-8: {error}. Save it as CSV UTF-8.") from error


def _separator_line(text: str) -> tuple[str, str]:
    line, newline, rest = text.partition("\n")
    named = line.strip().strip('"').lower()
    return (line + newline, rest) if named in {f"sep={sign}" for sign in SEPARATORS} else ("", text)


def _separator_of(text: str) -> str:
    """The separator by which the first line has most columns of known names."""
    first = text.partition("\n")[0]
    known = {*ID_NAMES, *LABEL_NAMES, ANNOTATOR, STATUS, TIME, "uri", "rank"}

    def count(separator: str) -> int:
        return sum(name.strip().strip('"') in known for name in first.split(separator))

    return max(SEPARATORS, key=count)


def _id_column(header: Sequence[str], address: str) -> str:
    for name in ID_NAMES:
        if name in header:
            return name
    raise InputError(f"{address} has no column sample_id any more. Write it back into the first row.")


def _same_person(given: PersonsAnswer, answer: PersonsAnswer) -> bool:
    return person(given.annotator) == person(answer.annotator)
