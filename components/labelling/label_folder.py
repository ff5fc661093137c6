"""The files of a label source: one file, or every label file in a folder or below an `s3://` prefix."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.concurrent_reads import concurrently
from labelcycle.components.labelling.text_table import READERS

TABLES = tuple(READERS)
VOTES = (*READERS, ".json")
"""Endings of the files that labels are read from."""

IN_FOLDERS = (".csv", ".jsonl", ".parquet", ".json")
"""Endings of those that are read where a folder is named; others were left alone there before they could be read."""


@dataclass(frozen=True)
class SourceFile:
    """A file of labels: what it is called, for messages, and where it is on this machine."""

    uri: str
    path: Path


@contextmanager
def source_files(uri: str) -> Iterator[list[SourceFile]]:
    """The label files at `uri`, in order of their names; what came from S3 is gone afterwards.

    Args:
        uri: a file; or a folder, or a prefix in S3, with files in it and in folders below. There, files with other
            endings and names that begin with a dot or an underline are left alone.

    Raises:
        InputError: no such file, of another ending, or a folder without any.

    Cost: of a folder a listing, and its files are fetched several at once; disk space for those from S3.
    """
    if not _is_folder(uri):
        with source_file(uri, VOTES) as path:
            yield [SourceFile(uri, path)]
        return
    store = open_store(uri)
    keys = [key for key in store.keys("") if _holds_labels(key)]
    if not keys:
        raise InputError(
            f"There is no label file {uri}. Correct its name; if it is a folder, put files ending in "
            f"{_listed(IN_FOLDERS)} into it."
        )
    paths = concurrently(store.fetch, keys)
    yield [SourceFile(store.locate(key), path) for key, path in zip(keys, paths, strict=True)]


@contextmanager
def source_file(uri: str, endings: tuple[str, ...]) -> Iterator[Path]:
    """The file on this machine; what came from S3 is gone afterwards.

    Raises:
        InputError: no such file, or of another ending.
    """
    ending = Path(uri).suffix.lower()
    if ending not in endings:
        raise InputError(f"{uri}: cannot read {ending or 'files without an ending'}. Use {_listed(endings)}.")
    folder, slash, name = uri.rpartition("/")
    store = open_store(folder + slash if slash else ".")
    try:
        path = store.fetch(unquote(name) if uri.startswith("file://") else name)
    except FileNotFoundError as error:
        raise InputError(f"There is no label file {uri}. Correct its name.") from error
    yield path


def _is_folder(uri: str) -> bool:
    """S3 has no folders: there, whatever does not end like a label file may be one."""
    if uri.startswith("s3://"):
        return Path(uri).suffix.lower() not in VOTES or uri.endswith("/")
    path = unquote(uri.removeprefix("file://").removeprefix("localhost")) if uri.startswith("file://") else uri
    return "://" not in path and Path(path).expanduser().is_dir()


def _holds_labels(key: str) -> bool:
    path = PurePosixPath(key)
    return path.suffix.lower() in IN_FOLDERS and not any(part.startswith((".", "_")) for part in path.parts)


def _listed(endings: tuple[str, ...]) -> str:
    return f"{', '.join(endings[:-1])} or {endings[-1]}"
