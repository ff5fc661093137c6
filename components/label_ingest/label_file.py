"""Label files in CSV, JSON lines or Parquet: read whole, checked row by row, refused with the row and the remedy."""

import csv
import functools
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.storage import open_store

ID_NAMES = ("sample_id", "id", "image", "filename", "file", "path")
LABEL_NAMES = ("label", "class")
KNOWN_NAMES = (*ID_NAMES, *LABEL_NAMES, "annotator", "time", "status")
STATUSES = ("ok", "skip", "unsure")


@dataclass(frozen=True)
class LabelRow:
    """One answer, and the row it stands in, as a spreadsheet or an editor counts (a CSV's header is row 1)."""

    row: int
    sample_id: str
    label: str | None
    annotator: str
    time: str
    status: str


def read_label_file(uri: str, known_ids: "SampleIds", classes: Collection[str] | None) -> dict[str, LabelRow]:
    """The answers in a label file, by sample id.

    Columns: `sample_id` (also id, image, filename, file or path), `label` (also class), and optionally `annotator`,
    `time` and `status` (ok, skip or unsure). A row with an empty label and no status is not answered yet.

    Args:
        uri: a path or `s3://` URI ending in .csv, .jsonl or .parquet.
        known_ids: resolves what the file calls a sample to the campaign's id.
        classes: the campaign's classes; None accepts any label.

    Raises:
        InputError: unreadable file, missing column, unknown id, unknown class, unknown status, two labels that
            disagree; the row and the remedy are named.
    """
    table = _read_table(uri)
    ids = _column(table, ID_NAMES, uri)
    labels = _column(table, LABEL_NAMES, uri)
    annotators, times, statuses = (_optional_column(table, name) for name in ("annotator", "time", "status"))
    answers: dict[str, LabelRow] = {}
    for number, name in enumerate(ids):
        row = table.rows[number]
        place = f"{uri}, row {row}"
        label, status = labels[number], statuses[number]
        if not name:
            raise InputError(f"{place}: the sample id is empty. Fill it in or delete the row.")
        if not label and not status:
            continue
        sample_id = known_ids.resolve(name)
        if sample_id is None:
            raise InputError(
                f"{place}: no sample, or more than one, is called {name!r}. Correct the id or delete the row."
            )
        status = status or "ok"
        if status not in STATUSES:
            raise InputError(f"{place}: status {status!r} is not one of {', '.join(STATUSES)}.")
        if status == "ok" and not label:
            raise InputError(f"{place}: status ok without a label. Fill in the label, or set status to skip.")
        if status == "ok" and classes is not None and label not in classes:
            raise InputError(f"{place}: {label!r} is not one of the campaign's classes: {', '.join(sorted(classes))}.")
        answer = LabelRow(row, sample_id, label if status == "ok" else None, annotators[number], times[number], status)
        earlier = answers.setdefault(sample_id, answer)
        if (earlier.label, earlier.status) != (answer.label, answer.status):
            raise InputError(
                f"{place}: {name!r} is {answer.label or answer.status!r} here but "
                f"{earlier.label or earlier.status!r} in row {earlier.row}. Keep the one that is right."
            )
    return answers


def read_texts(uri: str, known_ids: "SampleIds", name: str) -> dict[str, str]:
    """What a file of the same kinds says about each sample in the column `name`, by sample id; empty cells say nothing.

    Args:
        uri: a path or `s3://` URI ending in .csv, .jsonl or .parquet.
        known_ids: resolves what the file calls a sample to the campaign's id.
        name: the column.

    Raises:
        InputError: unreadable file, missing column, unknown id, two texts that differ; the row and the
            remedy are named.
    """
    table = _read_table(uri)
    texts: dict[str, str] = {}
    cells = zip(table.rows, _column(table, ID_NAMES, uri), _column(table, (name,), uri), strict=True)
    for row, sample, text in cells:
        if not text:
            continue
        sample_id = known_ids.resolve(sample)
        if sample_id is None:
            raise InputError(
                f"{uri}, row {row}: no sample, or more than one, is called {sample!r}. Correct the id or delete the "
                "row."
            )
        if texts.setdefault(sample_id, text) != text:
            raise InputError(f"{uri}, row {row}: {sample!r} has another {name} above. Keep the one that is right.")
    return texts


class SampleIds:
    """Resolves the names that people use for samples: the id, a path to the image, or its name without ending.

    Cost: memory for the ids. What other names need is made when the first one comes, O(N).
    """

    def __init__(self, uris: dict[str, str | None]) -> None:
        self._uris = uris

    def resolve(self, name: str) -> str | None:
        """The sample's id, or None where the name fits none or more than one."""
        if name in self._uris:
            return name
        plain = name.removeprefix("./")
        if plain in self._uris:
            return plain
        return self._by_uri.get(name) or self._by_uri.get(str(Path(name).absolute())) or self._by_short_name.get(plain)

    @functools.cached_property
    def _by_uri(self) -> dict[str, str]:
        return {uri: sample_id for sample_id, uri in self._uris.items() if uri}

    @functools.cached_property
    def _by_short_name(self) -> dict[str, str]:
        """Names without folder, without ending, or without both, that mean one sample alone."""
        stems: dict[str, list[str]] = {}
        for sample_id in self._uris:
            path = Path(sample_id)
            for short in {path.name, path.stem, str(path.parent / path.stem)}:
                stems.setdefault(short, []).append(sample_id)
        return {short: ids[0] for short, ids in stems.items() if len(ids) == 1}


@dataclass(frozen=True)
class _Table:
    """Cells by column, all columns as long as `rows`, which says where in the file each row stands."""

    rows: list[int]
    columns: dict[str, list[str]]


def _read_table(uri: str) -> _Table:
    ending = Path(uri).suffix.lower()
    if ending not in READERS:
        raise InputError(f"{uri}: cannot read {ending or 'files without an ending'}. Use .csv, .jsonl or .parquet.")
    folder, slash, name = uri.rpartition("/")
    store = open_store(folder + slash if slash else ".")
    try:
        path = store.fetch(unquote(name) if uri.startswith("file://") else name)
    except FileNotFoundError as error:
        raise InputError(f"There is no label file {uri}. Correct its name.") from error
    try:
        return READERS[ending](path)
    except (pa.ArrowException, csv.Error, OSError, ValueError) as error:
        raise InputError(f"{uri} cannot be read as {ending[1:]}: {error}") from error


def _read_csv(path: Path) -> _Table:
    """All cells as text, so that a label 007 or an id 1e3 stays what was written."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = ((row, cells) for row, cells in enumerate(csv.reader(file, strict=True), start=1) if cells)
        _, header = next(records, (1, []))
        names = [name.strip() for name in header]
        if not names:
            raise ValueError("the file is empty")
        _refuse_repeated(names)
        rows: list[int] = []
        columns: list[list[str]] = [[] for _ in names]
        for row, cells in records:
            if len(cells) != len(names):
                raise ValueError(f"row {row} has {len(cells)} cells where the header has {len(names)}")
            rows.append(row)
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell.strip())
    return _Table(rows, dict(zip(names, columns, strict=True)))


def _read_json_lines(path: Path) -> _Table:
    """One object a line, each read for itself: a reader that guesses types turns labels like 2024-01-05 into times."""
    rows: list[int] = []
    records: list[dict[str, object]] = []
    with path.open(encoding="utf-8-sig") as file:
        for row, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise ValueError(f"row {row}: {error}") from error
            if not isinstance(record, dict):
                raise ValueError(f'row {row} is not an object such as {{"sample_id": "a.jpg", "label": "cat"}}')
            rows.append(row)
            records.append(record)
    if not rows:
        raise ValueError("the file is empty")
    names = dict.fromkeys(name for record in records for name in record)
    return _Table(rows, {name: [_text(record.get(name)) for record in records] for name in names})


def _read_parquet(path: Path) -> _Table:
    with pq.ParquetFile(path) as file:
        table = file.read()
    _refuse_repeated(table.column_names)
    columns = {name: [_text(value) for value in table[name].to_pylist()] for name in table.column_names}
    return _Table(list(range(1, table.num_rows + 1)), columns)


READERS: dict[str, Callable[[Path], _Table]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".parquet": _read_parquet,
}


def _refuse_repeated(names: list[str]) -> None:
    for name in names:
        if name in KNOWN_NAMES and names.count(name) > 1:
            raise ValueError(f"there is more than one column {name!r}")


def _column(table: _Table, names: tuple[str, ...], uri: str) -> list[str]:
    for name in names:
        if name in table.columns:
            return table.columns[name]
    also = f" (or {', '.join(names[1:])})" if names[1:] else ""
    raise InputError(f"{uri} has no column {names[0]!r}{also}; its columns are {', '.join(table.columns)}.")


def _optional_column(table: _Table, name: str) -> list[str]:
    return table.columns.get(name) or [""] * len(table.rows)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
