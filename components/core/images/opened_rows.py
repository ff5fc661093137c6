"""Files whose rows hold images, opened once for all who read single rows of them."""

import functools
import io
import weakref
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.images.arrow_images import ArrowImages
from labelcycle.components.core.images.decode import CHANGED, UnreadableImage
from labelcycle.components.core.images.image_rows import ImageRows
from labelcycle.components.core.images.members import PARQUET, TableRow
from labelcycle.components.core.images.parquet_images import READ_BYTES, ParquetImages
from labelcycle.components.core.images.source import check_size, image_client, open_plain
from labelcycle.components.core.storage.parquet_files import open_in_parts
from labelcycle.components.core.storage.s3_ranges import ChangedObject, S3File

OPEN_FILES = 4


def open_file(address: str, uri: str) -> BinaryIO:
    """A file or an object of S3, opened for reading parts of it; whoever asks closes it.

    Raises:
        UnreadableImage, RefusedImage, OSError: as `open_plain`.
        ConfigurationError, TransientError: as `S3File`.
    """
    if address.startswith("s3://"):
        return io.BufferedReader(S3File(image_client(), address), READ_BYTES)
    return open_plain(Path(address), uri)


def images_in(file: BinaryIO, address: str, column: str | None = None) -> ImageRows:
    """The images of an open file, by the ending of its address.

    Raises:
        ValueError, pa.ArrowException, OSError: as `ParquetImages` and `ArrowImages`.
    """
    return (ParquetImages if address.lower().endswith(PARQUET) else ArrowImages)(file, column)


def schema_of(file: BinaryIO, address: str) -> pa.Schema:
    """The columns of an open file, by the ending of its address.

    Raises:
        ValueError, pa.ArrowException, OSError: as `images_in`.
    """
    if address.lower().endswith(PARQUET):
        return open_in_parts(file, READ_BYTES).schema_arrow
    return pa.ipc.open_stream(file).schema


def read_row(member: TableRow, most_bytes: int) -> bytes:
    """The bytes of an image in a row.

    Args:
        member: where it is, in a file from an allowed source.
        most_bytes: larger images are not read.

    Raises:
        UnreadableImage: the file, its column or the row is gone, or the row is empty or too large.
        TransientError: there is no memory for a part of the file.
        OSError: it cannot be opened.

    Cost: as `ImageRows`; of rows in their order, one page or batch after another.
    """
    try:
        value = _opened(member.file, member.column, _identity(member.file)).read(member.row)
    except MemoryError as error:
        raise TransientError(
            f"Not enough memory to read {member.file}. Give the process more, or run again."
        ) from error
    except (pa.ArrowException, IndexError, ValueError, ChangedObject) as error:
        raise UnreadableImage(f"cannot be read: its row is not there, or the file {CHANGED} ({error})") from error
    if not value.is_valid:
        raise UnreadableImage("empty file")
    buffer = value.as_buffer()
    check_size(buffer.size, most_bytes)
    data: bytes = buffer.to_pybytes()
    return data


@functools.lru_cache(maxsize=OPEN_FILES)
def _opened(address: str, column: str, identity: object) -> ImageRows:
    file = open_file(address, address)
    try:
        rows = images_in(file, address, column)
    except BaseException:
        file.close()
        raise
    weakref.finalize(rows, file.close)
    return rows


def _identity(address: str) -> Any:
    """What a file on this machine is known by, so that another one in its place is opened anew."""
    if address.startswith("s3://"):
        return None
    facts = Path(address).stat()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
