"""Files that say something about single samples: lists of ids, and the group that each sample belongs to."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.parquet_files import size_of
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.components.labelling.text_table import refuse_large


def read_ids(uri: str, known_ids: SampleIds, header: str = "", tell: bool = True) -> dict[str, int]:
    """The samples in a file of one id a line, and the line that names each first, in the order of the file.

    Args:
        uri: a path or `s3://` URI of UTF-8 text; empty lines are skipped.
        known_ids: resolves what the file calls a sample to the campaign's id.
        header: the column of ids, where the file may be CSV with a header too; empty where it may not.
        tell: whether a notice says how many there are.

    Raises:
        InputError: unreadable file, or an id that is not known; the line is named.
    """
    text = _text(uri)
    table = header and "," in text.partition("\n")[0] and not _has_column(text, header)
    remedy = f"If it is CSV, call the column of ids {header}; else correct the id" if table else "Correct the id"
    found: dict[str, int] = {}
    for number, name in _lines(text, header, uri):
        if name:
            found.setdefault(_resolved(name, known_ids, f"{uri}, line {number}", remedy), number)
    if tell:
        notice(f"{uri}: read {len(found):,} id{'' if len(found) == 1 else 's'}.")
    return found


def _lines(text: str, header: str, uri: str) -> Iterator[tuple[int, str]]:
    """The ids of a file with the numbers of their lines: the column of that name where its first line has it.

    Raises:
        InputError: it cannot be read as CSV.
    """
    if not header or not _has_column(text, header):
        yield from ((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1))
        return
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from ((reader.line_num, (row[header] or "").strip()) for row in reader)
    except csv.Error as error:
        raise InputError(f"{uri} cannot be read as CSV: {error}") from error


def _has_column(text: str, header: str) -> bool:
    """Whether the first line is a header of CSV with this column."""
    return header in next(csv.reader([text.partition("\n")[0]]), [])


def read_groups(uri: str, known_ids: SampleIds) -> dict[str, str]:
    """The group of each sample in a CSV file with the columns `sample_id` and `group`.

    A row with an empty group says nothing.

    Args:
        uri: a path or `s3://` URI of UTF-8 text.
        known_ids: resolves what the file calls a sample to the campaign's id.

    Raises:
        InputError: unreadable file, missing column, an id that is not known, or two groups for one sample; the row is
            named.
    """
    reader = csv.DictReader(io.StringIO(_text(uri), newline=""), strict=True)
    groups: dict[str, str] = {}
    try:
        missing = [name for name in ("sample_id", "group") if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{uri} lacks the column {missing[0]!r}. Its header must name sample_id and group.")
        for row in reader:
            location = f"{uri}, row {reader.line_num}"
            group = (row["group"] or "").strip()
            if not group:
                continue
            name = _resolved((row["sample_id"] or "").strip(), known_ids, location)
            if groups.setdefault(name, group) != group:
                raise InputError(
                    f"{location}: {name!r} belongs to {group!r} here but to {groups[name]!r} above. Keep the right one."
                )
    except csv.Error as error:
        raise InputError(f"{uri} cannot be read as CSV: {error}") from error
    notice(f"{uri}: read {len(set(groups.values())):,} groups of {len(groups):,} samples.")
    return groups


def _text(uri: str) -> str:
    folder, slash, name = uri.rpartition("/")
    store = open_store(folder + slash if slash else ".")
    try:
        path = store.fetch(unquote(name) if uri.startswith("file://") else name)
        refuse_large(size_of(path))
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError) as error:
        if Path(uri).is_dir():
            raise InputError(f"{uri} is a folder. Name a file in it.") from error
        raise InputError(f"There is no file {uri}. Correct its name.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{uri} cannot be read as UTF-8 text: {error}. Save it as UTF-8.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{uri} cannot be read: {error}.") from error


def _resolved(name: str, known_ids: SampleIds, location: str, remedy: str = "Correct the id") -> str:
    sample_id = known_ids.resolve(name)
    if sample_id is None:
        raise InputError(f"{location}: no sample, or more than one, is called {name!r}. {remedy} or delete the line.")
    return sample_id
