"""Images in a column of a Parquet file: read from front to back, with a window of what was read last.

The column holds bytes, or structs of `bytes` and `path` as Hugging Face's datasets lay them. Who reads rows in their
order, also by several threads, reads each page once; who jumps back reads a row group from its beginning again.

Source: Hugging Face, datasets, "Image" (the layout, and the names of classes in the schema's metadata).
"""

import bisect
import functools
import io
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from labelcycle.components.core.images.decode import UnreadableImage
from labelcycle.components.core.images.members import Row
from labelcycle.components.core.images.source import check_size, image_client, open_plain
from labelcycle.components.core.storage.parquet_files import open_in_parts
from labelcycle.components.core.storage.s3_ranges import ChangedObject, S3File

BYTES, PATH = "bytes", "path"
"""Fields of the structs that hold images."""

BATCH_ROWS = 32
WINDOW_BYTES = 64_000_000
"""Of images that were read last, of each file."""

OPEN_FILES = 4
READ_BYTES = 4_000_000
"""That are asked of a file at once."""

IMAGE_NAMES = ("image", "img", "picture", "photo", "jpg", "png")
"""Columns of images, before others that hold bytes."""


def image_column(schema: pa.Schema) -> str | None:
    """The column of a file that holds images: a struct with `bytes`, or bytes; None where there is none."""
    columns = [field.name for field in schema if _leaf_of(field) is not None]
    return next((name for name in IMAGE_NAMES if name in columns), columns[0] if columns else None)


def open_file(address: str, uri: str) -> BinaryIO:
    """A file or an object of S3, opened for reading parts of it; whoever asks closes it.

    Raises:
        UnreadableImage, RefusedImage, OSError: as `open_plain`.
        ConfigurationError, TransientError: as `S3File`.
    """
    if address.startswith("s3://"):
        return io.BufferedReader(S3File(image_client(), address), READ_BYTES)
    return open_plain(Path(address), uri)


class ImageColumn:
    """The images of an open file; for several threads."""

    def __init__(self, file: BinaryIO, column: str | None = None) -> None:
        """Read the footer.

        Args:
            file: opened for reading; it stays open.
            column: that holds the images; None for the one that `image_column` finds.

        Raises:
            ValueError: there is no such column, or so many rows or groups that it is a decompression bomb.
            pa.ArrowException, OSError: it is no Parquet file.
        """
        self.parquet = open_in_parts(file, READ_BYTES)
        schema = self.parquet.schema_arrow
        name = image_column(schema) if column is None else column
        if name is None or schema.names.count(name) != 1 or (leaf := _leaf_of(schema.field(name))) is None:
            raise ValueError(f"no column {name or 'of images'}")
        self.name, self._leaf = name, leaf
        metadata = self.parquet.metadata
        counts = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        self._ends = [sum(counts[: number + 1]) for number in range(len(counts))]
        self._lock = threading.Lock()
        self._window: deque[tuple[int, pa.Array]] = deque()
        self._batches: Iterator[tuple[int, pa.Array]] = iter(())
        self._next, self._until = 0, 0

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return self._ends[-1] if self._ends else 0

    def batches(self, further: list[str]) -> Iterator[pa.RecordBatch]:
        """All rows, a few at a time: the column of images, and further ones.

        Cost: memory for a page of each column and `BATCH_ROWS` images.
        """
        yield from self.parquet.iter_batches(BATCH_ROWS, columns=[self.name, *further], use_threads=False)

    def read(self, row: int) -> pa.Scalar:
        """The image in a row, from 0.

        Raises:
            IndexError: there is no such row.
            pa.ArrowException, OSError: the file is damaged.
        """
        if not 0 <= row < self.rows:
            raise IndexError(row)
        with self._lock:
            for start, images in reversed(self._window):
                if start <= row < start + len(images):
                    return images[row - start]
            if not self._next <= row < self._until:
                self._begin_group_of(row)
            while True:
                start, images = self._read_on()
                if row < self._next:
                    return images[row - start]

    def _begin_group_of(self, row: int) -> None:
        group = bisect.bisect_right(self._ends, row)
        self._next, self._until = self._ends[group - 1] if group else 0, self._ends[group]
        self._batches = self._of_group(group, self._next)

    def _read_on(self) -> tuple[int, pa.Array]:
        """The next images of the group; where there is none, or reading fails, the group begins anew the next time."""
        until, self._until = self._until, 0
        start, images = next(self._batches, (self._next, None))
        if images is None:
            raise IndexError(start)
        self._next, self._until = start + len(images), until
        self._window.append((start, images))
        while len(self._window) > 1 and sum(kept.nbytes for _, kept in self._window) > WINDOW_BYTES:
            self._window.popleft()
        return start, images

    def _of_group(self, group: int, start: int) -> Iterator[tuple[int, pa.Array]]:
        found = self.parquet.iter_batches(BATCH_ROWS, row_groups=[group], columns=[self._leaf], use_threads=False)
        for batch in found:
            yield start, bytes_in(batch.column(0))
            start += batch.num_rows


def read_row(member: Row, uri: str, most_bytes: int) -> bytes:
    """The bytes of an image in a Parquet file.

    Args:
        member: where it is, in a file from an allowed source.
        uri: its address, for messages.
        most_bytes: larger images are not read.

    Raises:
        UnreadableImage: the file, its column or the row is gone, or the row is empty or too large.
        OSError: it cannot be opened.

    Cost: of rows in their order, one page after another; of a row before the last ones, its row group up to it.
    """
    try:
        value = _column(member.file, member.column, _identity(member.file)).read(member.row)
    except (pa.ArrowException, IndexError, ValueError, ChangedObject) as error:
        raise UnreadableImage(f"cannot be read: its row is not there, or the file has changed ({error})") from error
    if not value.is_valid:
        raise UnreadableImage("empty file")
    buffer = value.as_buffer()
    check_size(buffer.size, most_bytes)
    data: bytes = buffer.to_pybytes()
    return data


def bytes_in(column: pa.Array) -> pa.Array:
    """The bytes in a column of images."""
    if not pa.types.is_struct(column.type):
        return column
    return column.field(BYTES)


def paths_in(column: pa.Array) -> list[str]:
    """What the images in a column are called; empty where they are not."""
    if not pa.types.is_struct(column.type) or (index := column.type.get_field_index(PATH)) < 0:
        return [""] * len(column)
    if not pa.types.is_string(column.type.field(index).type):
        return [""] * len(column)
    return [path or "" for path in column.field(PATH).to_pylist()]


@functools.lru_cache(maxsize=OPEN_FILES)
def _column(address: str, column: str, identity: object) -> ImageColumn:
    file = open_file(address, address)
    try:
        opened = ImageColumn(file, column)
    except BaseException:
        file.close()
        raise
    weakref.finalize(opened, file.close)
    return opened


def _identity(address: str) -> Any:
    """What a file on this machine is known by, so that another one in its place is opened anew."""
    if address.startswith("s3://"):
        return None
    facts = Path(address).stat()
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _leaf_of(field: pa.Field) -> str | None:
    """The path of a field's bytes, as pyarrow names what is to be read; None where it holds none."""
    kind = field.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return str(field.name)
    if pa.types.is_struct(kind) and (index := kind.get_field_index(BYTES)) >= 0:
        inner = kind.field(index).type
        if pa.types.is_binary(inner) or pa.types.is_large_binary(inner):
            return f"{field.name}.{BYTES}"
    return None
