"""Images in a column of a Parquet file, which can be entered at each of its row groups."""

import bisect
from collections.abc import Iterator
from itertools import accumulate
from typing import BinaryIO

import pyarrow as pa

from labelcycle.components.core.images.image_rows import ImageRows, Images, bytes_in, leaf_of
from labelcycle.components.core.storage.parquet_files import open_in_parts, promised_bytes

READ_BYTES = 4_000_000
"""That are asked of a file at once."""

BATCH_BYTES, MOST_ROWS = 4_000_000, 1000
"""Of rows that are taken out of a file together: a batch takes long to begin, however small."""


class ParquetImages(ImageRows):
    """The images of an open Parquet file."""

    def __init__(self, file: BinaryIO, column: str | None = None) -> None:
        """Read the footer.

        Args:
            file: opened for reading; it stays open.
            column: that holds the images; None for the one that `image_column` finds.

        Raises:
            ValueError: there is no such column, or so many rows or groups that it is a decompression bomb.
            pa.ArrowException, OSError: it is no Parquet file.
        """
        self._parquet = open_in_parts(file, READ_BYTES)
        super().__init__(self._parquet.schema_arrow, column)
        metadata = self._parquet.metadata
        counts = (metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
        self._ends = [0, *accumulate(counts)]
        size = promised_bytes(metadata) // max(1, self._ends[-1])
        self._batch_rows = min(MOST_ROWS, max(1, BATCH_BYTES // max(1, size)))

    def batches(self, further: list[str]) -> Iterator[pa.RecordBatch]:
        """See `ImageRows.batches`: a page of each column is read at once, and rows of about `BATCH_BYTES`."""
        yield from self._parquet.iter_batches(self._batch_rows, columns=[self.name, *further], use_threads=False)

    def enter_before(self, row: int) -> tuple[int, int, Images]:
        """See `ImageRows.enter_before`."""
        if not 0 <= row < self._ends[-1]:
            raise IndexError(row)
        group = bisect.bisect_right(self._ends, row) - 1
        return self._ends[group], self._ends[group + 1], self._of_group(group)

    def _of_group(self, group: int) -> Images:
        start, leaf = self._ends[group], leaf_of(self.schema.field(self.name))
        rows = self._batch_rows
        for batch in self._parquet.iter_batches(rows, row_groups=[group], columns=[leaf], use_threads=False):
            yield start, bytes_in(batch.column(0))
            start += batch.num_rows
