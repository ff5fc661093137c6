"""Images in a column of a table that is read from front to back, with a window of what was read last.

The column holds bytes, or structs of `bytes` and `path` as Hugging Face's datasets lay them. Who reads rows in their
order, also by several threads, reads each stretch of the table once; who jumps back reads on from where the table can
be entered before that row.

Source: Hugging Face, datasets, "Image" (the layout).
"""

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator

import pyarrow as pa

BYTES, PATH = "bytes", "path"
"""Fields of the structs that hold images."""

BATCH_ROWS = 32
WINDOW_BYTES = 64_000_000
"""Of images that were read last, of each file."""

IMAGE_NAMES = ("image", "img", "picture", "photo", "jpg", "png")
"""Columns of images, before others that hold bytes."""

Images = Iterator[tuple[int, pa.Array]]
"""The first row of some images, and their bytes."""


class ImageRows(ABC):
    """The images of an open file; for several threads."""

    def __init__(self, schema: pa.Schema, column: str | None) -> None:
        """Find the column.

        Args:
            schema: of the file.
            column: that holds the images; None for the one that `image_column` finds.

        Raises:
            ValueError: there is no such column.
        """
        name = image_column(schema) if column is None else column
        if name is None or schema.names.count(name) != 1 or leaf_of(schema.field(name)) is None:
            raise ValueError(f"no column {name or 'of images'}")
        self.schema, self.name = schema, name
        self._lock = threading.Lock()
        self._window: deque[tuple[int, pa.Array]] = deque()
        self._images: Images = iter(())
        self._next, self._until = 0, 0

    @abstractmethod
    def batches(self, further: list[str]) -> Iterator[pa.RecordBatch]:
        """All rows, a few at a time, with the column of images and further ones.

        Cost: memory for a few images, and for as much as the file has to be read at once.
        """

    @abstractmethod
    def enter_before(self, row: int) -> tuple[int, int, Images]:
        """The rows to read for a row: the first, the end as far as it is known, and all from the first on.

        Raises:
            IndexError: there is no such row.
        """

    def read(self, row: int) -> pa.Scalar:
        """The image in a row, from 0.

        Raises:
            IndexError: there is no such row.
            pa.ArrowException, OSError: the file is damaged.
        """
        with self._lock:
            for start, images in reversed(self._window):
                if start <= row < start + len(images):
                    return images[row - start]
            if not self._next <= row < self._until:
                self._next, self._until, self._images = self.enter_before(row)
            while True:
                start, images = self._read_on()
                if row < self._next:
                    return images[row - start]

    def _read_on(self) -> tuple[int, pa.Array]:
        """The next images; where there is none, or reading fails, the file is entered anew the next time."""
        until, self._until = self._until, 0
        start, images = next(self._images, (self._next, None))
        if images is None:
            raise IndexError(start)
        self._next, self._until = start + len(images), until
        self._window.append((start, images))
        while len(self._window) > 1 and sum(kept.nbytes for _, kept in self._window) > WINDOW_BYTES:
            self._window.popleft()
        return start, images


def image_column(schema: pa.Schema) -> str | None:
    """The column of a file that holds images: a struct with `bytes`, or bytes; None where there is none."""
    columns = [field.name for field in schema if leaf_of(field) is not None]
    return next((name for name in IMAGE_NAMES if name in columns), columns[0] if columns else None)


def leaf_of(field: pa.Field) -> str | None:
    """The path of a field's bytes, as pyarrow names what is to be read; None where it holds none."""
    kind = field.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return str(field.name)
    if pa.types.is_struct(kind) and (index := kind.get_field_index(BYTES)) >= 0:
        inner = kind.field(index).type
        if pa.types.is_binary(inner) or pa.types.is_large_binary(inner):
            return f"{field.name}.{BYTES}"
    return None


def bytes_in(column: pa.Array) -> pa.Array:
    """The bytes in a column of images."""
    return column.field(BYTES) if pa.types.is_struct(column.type) else column


def paths_in(column: pa.Array) -> list[str]:
    """What the images in a column are called; empty where they are not."""
    if not pa.types.is_struct(column.type) or (index := column.type.get_field_index(PATH)) < 0:
        return [""] * len(column)
    if not pa.types.is_string(column.type.field(index).type):
        return [""] * len(column)
    return [path or "" for path in column.field(PATH).to_pylist()]
