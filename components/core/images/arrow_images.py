"""Images in a column of an Arrow stream, as Hugging Face's datasets are saved on disk; it is read from the front."""

import sys
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from labelcycle.components.core.images.image_rows import BATCH_ROWS, ImageRows, Images, bytes_in


class ArrowImages(ImageRows):
    """The images of an open Arrow stream."""

    def __init__(self, file: BinaryIO, column: str | None = None) -> None:
        """Read the schema.

        Args:
            file: opened for reading; it stays open.
            column: that holds the images; None for the one that `image_column` finds.

        Raises:
            ValueError: there is no such column.
            pa.ArrowException, OSError: it is no Arrow stream.
        """
        self._file = file
        file.seek(0)
        super().__init__(pa.ipc.open_stream(file).schema, column)

    def batches(self, further: list[str]) -> Iterator[pa.RecordBatch]:
        """See `ImageRows.batches`: what was written as one batch is read at once."""
        for batch in self._stream():
            chosen = batch.select([self.name, *further])
            for start in range(0, chosen.num_rows, BATCH_ROWS):
                yield chosen.slice(start, BATCH_ROWS)

    def enter_before(self, row: int) -> tuple[int, int, Images]:
        """See `ImageRows.enter_before`: the beginning, since only reading tells where rows are."""
        if row < 0:
            raise IndexError(row)
        return 0, sys.maxsize, self._from_the_beginning()

    def _from_the_beginning(self) -> Images:
        start = 0
        for batch in self._stream():
            yield start, bytes_in(batch.column(self.name))
            start += batch.num_rows

    def _stream(self) -> Iterator[pa.RecordBatch]:
        self._file.seek(0)
        for batch in pa.ipc.open_stream(self._file):
            batch.validate(full=True)  # streams hold offsets as they are in memory
            yield batch
