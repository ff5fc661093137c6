"""Label files in CSV, JSON lines or Parquet: read whole, checked row by row, refused with the row and the remedy."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.storage import open_store

ID_NAMES = ("sample_id", "id", "image", "filename", "file", "path")
LABEL_NAMES = ("label", "class")
STATUSES = ("ok", "skip", "unsure")


@dataclass(frozen=True)
class LabelRow:
    """One answer, and the row it stands in (a CSV's header is row 1)."""

    row: int
    sample_id: str
    label: str | None
    annotator: str | None
    time: str | None
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
        InputError: unreadable file, missing column, unknown id, unknown class, unknown status, two labels that disagree;
            the row and the remedy are named.
    """
    table = _read_table(uri)
    ids = _column(table, ID_NAMES, uri)
    labels = _column(table, LABEL_NAMES, uri)
    annotators, times, statuses = (_optional_column(table, name) for name in ("annotator", "time", "status"))
    answers: dict[str, LabelRow] = {}
    for number, name in enumerate(ids):
        row = number + (2 if uri.lower().endswith(".csv") else 1)
        place = f"{uri}, row {row}"
        label, status = labels[number], statuses[number]
        if not name:
            raise InputError(f"{place}: the sample id is empty. Fill it in or delete the row.")
        if not label and not status:
            continue
        sample_id = known_ids.resolve(name)
        if sample_id is None:
            raise InputError(f"{place}: no sample {name!r} in this campaign. Correct the id or delete the row.")
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
                f"{place}: {name!r} is {answer.label or answer.status!r} here but {earlier.label or earlier.status!r} in "
                f"row {earlier.row}. Keep the one that is right."
            )
    return answers


class SampleIds:
    """Resolves the names that people use for samples: the id itself, a path to the image, or its name without ending."""

    def __init__(self, uris: dict[str, str | None]) -> None:
        self._ids = set(uris)
        self._by_uri = {uri: sample_id for sample_id, uri in uris.items() if uri}
        stems: dict[str, list[str]] = {}
        for sample_id in uris:
            for short in {Path(sample_id).name, Path(sample_id).stem, str(Path(sample_id).with_suffix(""))}:
                stems.setdefault(short, []).append(sample_id)
        self._by_short_name = {short: ids[0] for short, ids in stems.items() if len(ids) == 1}

    def resolve(self, name: str) -> str | None:
        """The sample's id, or None where the name fits none or more than one."""
        if name in self._ids:
            return name
        plain = name.removeprefix("./")
        if plain in self._ids:
            return plain
        return self._by_uri.get(name) or self._by_uri.get(str(Path(name).absolute())) or self._by_short_name.get(plain)


def _read_table(uri: str) -> pa.Table:
    folder, _, name = uri.rpartition("/")
    try:
        path = open_store(folder or ".").fetch(name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"There is no label file {uri}. Correct its name.") from error
    readers: dict[str, Any] = {".csv": _read_csv, ".jsonl": pa.json.read_json, ".parquet": pq.read_table}
    ending = Path(name).suffix.lower()
    if ending not in readers:
        raise InputError(f"{uri}: cannot read {ending or 'files without an ending'}. Use .csv, .jsonl or .parquet.")
    try:
        return readers[ending](path)
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{uri} cannot be read as {ending[1:]}: {error}") from error


def _read_csv(path: Path) -> pa.Table:
    """All columns as text, so that a label 007 or an id 1e3 stays what was written."""
    with pa.csv.open_csv(path) as reader:
        names = reader.schema.names
    options = pa.csv.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=False)
    return pa.csv.read_csv(path, convert_options=options)


def _column(table: pa.Table, names: tuple[str, ...], uri: str) -> list[str]:
    for name in names:
        if name in table.column_names:
            return _texts(table[name])
    raise InputError(
        f"{uri} has no column {names[0]!r} (or {', '.join(names[1:])}); its columns are {', '.join(table.column_names)}."
    )


def _optional_column(table: pa.Table, name: str) -> list[str]:
    return _texts(table[name]) if name in table.column_names else [""] * table.num_rows


def _texts(column: pa.ChunkedArray) -> list[str]:
    return ["" if value is None else str(value).strip() for value in column.to_pylist()]
