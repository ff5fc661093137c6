"""Predictions as a CSV or Parquet file, written batch by batch and put in place when it is whole."""

import csv
import json
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage import open_store

ENDINGS = (".csv", ".parquet")
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Predictions:
    """What a model says of a batch.

    Attributes:
        images: B names.
        probabilities: float32 (B, C); rows of NaN where there is none.
        reasons: why an image has no prediction; None where it has one.
    """

    images: list[str]
    probabilities: Floats
    reasons: list[str | None]


@dataclass(frozen=True)
class Layout:
    """What the file holds.

    Attributes:
        classes: C names.
        top: so many classes an image, the likeliest first: `predicted`, `confidence`, `predicted_2`, `confidence_2`, …
        probabilities: whether CSV has a column a class too. Parquet has them all in one, in the order of the classes.
    """

    classes: list[str]
    top: int = 1
    probabilities: bool = False

    def pairs(self) -> list[tuple[str, str]]:
        """The names of the columns of class and probability, the likeliest first."""
        endings = ["", *(f"_{rank}" for rank in range(2, min(self.top, len(self.classes)) + 1))]
        return [(f"predicted{ending}", f"confidence{ending}") for ending in endings]

    def ranked(self, probabilities: Floats) -> npt.NDArray[np.int64]:
        """The classes of each row that are listed, likeliest first: (B, C) → (B, top). Of equals the first comes."""
        order = np.argsort(-probabilities, axis=1, kind="stable")
        return order[:, : len(self.pairs())]


class PredictionFile(ABC):
    """A file that takes batches."""

    @abstractmethod
    def write(self, batch: Predictions) -> None:
        """Append a batch."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left."""


def check_output(output: str) -> None:
    """Refuse an output that cannot be written, before any work is done.

    Raises:
        ConfigurationError: another ending than .csv or .parquet, or a folder.
    """
    if not output.lower().endswith(ENDINGS):
        raise ConfigurationError(f"--output {output} is neither CSV nor Parquet. End its name with .csv or .parquet.")
    if "://" not in output and Path(output).is_dir():
        raise ConfigurationError(f"--output {output} is a folder. Name a file in it.")


@contextmanager
def prediction_file(output: str, layout: Layout) -> Iterator[PredictionFile]:
    """A file for predictions, which appears under its name at the end of the block; an error leaves what was there.

    Args:
        output: a path or `s3://` URI that ends in .csv or .parquet.
        layout: its columns.

    Raises:
        ConfigurationError: another ending.
        TransientError: it cannot be written.
    """
    check_output(output)
    try:
        with whole_file(output) as path:
            file = _opened(path, output, layout)
            try:
                yield file
            finally:
                file.close()
    except OSError as error:
        raise TransientError(
            f"Cannot write {output}: {error.strerror or error}. Free space or grant write access, then run again."
        ) from error


@contextmanager
def whole_file(output: str) -> Iterator[Path]:
    """A path to write to, whose content becomes `output`, a path or `s3://` URI, unless the block fails."""
    if output.startswith("s3://"):
        folder, _, name = output.rpartition("/")
        with tempfile.TemporaryDirectory(prefix="labelcycle-") as scratch:
            yield Path(scratch) / "predictions"
            open_store(folder).upload(Path(scratch) / "predictions", name)
        return
    final = Path(output).expanduser()
    path = final.with_name(f".{final.name}.unfinished-{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
        path.replace(final)
    finally:
        path.unlink(missing_ok=True)


def _opened(path: Path, output: str, layout: Layout) -> PredictionFile:
    if output.lower().endswith(".csv"):
        return _CsvFile(path.open("w", encoding="utf-8", newline=""), layout)
    return _ParquetFile(path, layout)


class _CsvFile(PredictionFile):
    """A line an image; what an image without prediction has not is empty."""

    def __init__(self, file: TextIO, layout: Layout) -> None:
        self._file, self._layout = file, layout
        self._writer = csv.writer(file, lineterminator="\n")
        classes = [f"probability_{name}" for name in layout.classes] if layout.probabilities else []
        self._width = 2 * len(layout.pairs()) + len(classes)
        self._writer.writerow(["image", *(name for pair in layout.pairs() for name in pair), *classes, "reason"])

    def write(self, batch: Predictions) -> None:
        ranked = self._layout.ranked(batch.probabilities)
        for image, row, order, reason in zip(batch.images, batch.probabilities, ranked, batch.reasons, strict=True):
            cells = [""] * self._width if reason is not None else self._cells(row, order)
            self._writer.writerow([image, *cells, reason or ""])

    def _cells(self, row: Floats, order: npt.NDArray[np.int64]) -> list[str]:
        cells = [cell for number in order for cell in (self._layout.classes[number], f"{row[number]:.6f}")]
        return cells + ([f"{value:.6f}" for value in row] if self._layout.probabilities else [])

    def close(self) -> None:
        self._file.close()


class _ParquetFile(PredictionFile):
    """A row an image and a row group a batch; what an image without prediction has not is null."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._layout = layout
        fields = [pa.field("image", pa.string(), nullable=False)]
        for label, share in layout.pairs():
            fields += [pa.field(label, pa.string()), pa.field(share, pa.float32())]
        fields += [
            pa.field("probabilities", pa.list_(pa.float32())),
            pa.field("reason", pa.string()),
        ]
        self._schema = pa.schema(fields, metadata={"classes": json.dumps(layout.classes, ensure_ascii=False)})
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, batch: Predictions) -> None:
        missing = np.array([reason is not None for reason in batch.reasons], dtype=bool)
        ranked = self._layout.ranked(batch.probabilities)
        columns: list[pa.Array] = [pa.array(batch.images, pa.string())]
        for rank in range(ranked.shape[1]):
            labels = [self._layout.classes[number] for number in ranked[:, rank]]
            shares = np.take_along_axis(batch.probabilities, ranked[:, rank : rank + 1], axis=1)[:, 0]
            columns += [pa.array(labels, pa.string(), mask=missing), pa.array(shares, pa.float32(), mask=missing)]
        columns += [_lists(batch.probabilities, missing), pa.array(batch.reasons, pa.string())]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _lists(probabilities: Floats, missing: npt.NDArray[np.bool_]) -> pa.ListArray:
    """Rows as lists, null where missing. Parquet cannot keep nulls among lists of a fixed size."""
    ends = np.concatenate([[0], np.cumsum(~missing)]) * probabilities.shape[1]
    values = pa.array(probabilities[~missing].ravel(), pa.float32())
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values, mask=pa.array(missing))
