"""`make bench-ingest`: `labelcycle init` on many small images against a bare loop that hashes and decodes them.

The images are made here: JPEGs of 64×64 as in EuroSAT, in ten folders that are their classes. They are read as files,
from Parquet files as Hugging Face's datasets have them, and from shards of WebDataset. A bare loop reads the same with
Pillow, pyarrow and tarfile alone, stats each file and takes its SHA-256. Each is a process of its own, Python's start
among it, in turn in one run; the fastest of the repeats counts, and memory is the peak. Then a label file of a million
rows is read, beside Python's csv reader.
"""

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from rich.console import Console
from rich.table import Table

SIDE, CLASSES, QUALITY = 64, 10, 90
FILES = 10
"""Parquet files, and shards."""

KINDS = ("folder", "parquet", "shards")


def pictures(count: int) -> Iterator[tuple[str, bytes]]:
    """Name and content of each picture: soft noise, another for each number."""
    generator = np.random.default_rng(0)
    for number in range(count):
        rough = generator.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(rough).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(file, "JPEG", quality=QUALITY)
        yield f"class{number % CLASSES}/{number:07d}.jpg", file.getvalue()


def lay_out(folder: Path, count: int) -> None:
    """Write the pictures as files, Parquet files and shards."""
    for name in KINDS:
        (folder / name).mkdir()
    for number in range(CLASSES):
        (folder / "folder" / f"class{number}").mkdir()
    names = json.dumps([f"class{number}" for number in range(CLASSES)])
    features = f'{{"image": {{"_type": "Image"}}, "label": {{"names": {names}, "_type": "ClassLabel"}}}}'
    metadata = {"huggingface": f'{{"info": {{"features": {features}}}}}'}
    rows: list[tuple[str, bytes]] = []
    for name, data in pictures(count):
        (folder / "folder" / name).write_bytes(data)
        rows.append((name, data))
        if len(rows) >= -(-count // FILES):
            _write_part(folder, rows, metadata)
            rows = []
    if rows:
        _write_part(folder, rows, metadata)


def _write_part(folder: Path, rows: list[tuple[str, bytes]], metadata: dict[str, str]) -> None:
    part = rows[0][0].partition("/")[2].removesuffix(".jpg")
    images = [{"bytes": data, "path": name} for name, data in rows]
    labels = [int(name[len("class") : name.index("/")]) for name, _ in rows]
    table = pa.table({"image": images, "label": labels}).replace_schema_metadata(metadata)
    pq.write_table(table, folder / "parquet" / f"part-{part}.parquet", row_group_size=1000)
    with tarfile.open(folder / "shards" / f"part-{part}.tar", "w") as archive:
        for name, data in rows:
            label = name.partition("/")[0].encode()
            key = name.partition("/")[2].removesuffix(".jpg")
            for ending, content in (("jpg", data), ("cls", label)):
                info = tarfile.TarInfo(f"{key}.{ending}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def look_at(data: bytes) -> None:
    """What the bare loops do with an image."""
    hashlib.sha256(data).hexdigest()
    with Image.open(io.BytesIO(data)) as image:
        image.load()


def bare_folder(folder: Path) -> None:
    """Stat, read, hash and decode every file."""
    for directory, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(directory, name)  # noqa: PTH118
            os.stat(path)  # noqa: PTH116
            with open(path, "rb") as file:  # noqa: PTH123
                look_at(file.read())


def bare_parquet(folder: Path) -> None:
    """Read the images and labels of every file, and hash and decode."""
    for path in sorted(folder.iterdir()):
        for batch in pq.ParquetFile(path).iter_batches(1000, columns=["image", "label"]):
            batch.column(1).to_pylist()
            for image in batch.column(0).field("bytes"):
                look_at(image.as_py())


def bare_shards(folder: Path) -> None:
    """Read every member, and hash and decode the images."""
    for path in sorted(folder.iterdir()):
        with tarfile.open(path, "r|") as archive:
            for info in archive:
                file = archive.extractfile(info)
                assert file is not None
                data = file.read()
                if info.name.endswith(".jpg"):
                    look_at(data)
                archive.members = []  # type: ignore[attr-defined]


BARE: dict[str, Callable[[Path], None]] = {"folder": bare_folder, "parquet": bare_parquet, "shards": bare_shards}


def time_label_file(folder: Path, rows: int) -> tuple[float, float, float, float]:
    """Seconds and processor seconds that a label file of so many rows takes, and those of Python's csv reader on it."""
    import csv

    from labelcycle.components.labelling.label_file import read_label_file
    from labelcycle.components.labelling.sample_ids import SampleIds

    path = folder / "labels.csv"
    names = [f"photos/{number:07d}.jpg" for number in range(rows)]
    path.write_text("\n".join(["sample_id,label", *(f"{name},class{len(name) % 7}" for name in names), ""]))
    uris: dict[str, str | None] = {name: f"/data/{name}" for name in names}
    start, processor = time.perf_counter(), time.process_time()
    with path.open(newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == rows + 1
    bare = time.perf_counter() - start, time.process_time() - processor
    start, processor = time.perf_counter(), time.process_time()
    assert len(read_label_file(str(path), SampleIds(uris), None)) == rows
    return time.perf_counter() - start, time.process_time() - processor, *bare


Used = tuple[float, float, float | None]
"""Seconds, processor seconds and peak MiB."""

HEADINGS = (
    "read from",
    "labelcycle init: s",
    "processor",
    "peak MiB",
    "bare loop: s",
    "processor",
    "ratio",
    "ratio of processor",
)


def measured(*command: object) -> Used:
    """Seconds, processor seconds and peak MiB of a process."""
    start = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(said)
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ingest", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="images")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the label file; 0 leaves it out")
    parser.add_argument("--repeats", type=int, default=2, help="of each; the fastest counts")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="where the images lie")
    parser.add_argument("--bare", nargs=2, metavar=("KIND", "FOLDER"), help="do nothing but the bare loop")
    given = parser.parse_args()
    if given.bare:
        BARE[given.bare[0]](Path(given.bare[1]))
        return
    cores = len(os.sched_getaffinity(0))
    table = Table(
        title=f"{given.count:,} images on {cores} cores",
        caption=f"python -m tests.bench.ingest {' '.join(sys.argv[1:])}",
    )
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if number else "left")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lay_out(folder, given.count)
        for kind in given.kinds:
            table.add_row(kind, *compared(folder, kind, given.repeats))
        if given.rows:
            seconds, processor, *bare = time_label_file(folder, given.rows)
            table.add_row(f"a label file of {given.rows:,} rows", *figures((seconds, processor, None), (*bare, None)))
    Console(width=150).print(table)


def compared(folder: Path, kind: str, repeats: int) -> list[str]:
    """What `init` and the bare loop take, in turn; the fastest of each."""
    begin: list[object] = [Path(sys.executable).with_name("labelcycle"), "init"]
    flags = ["--images", folder / kind, *(["--folder-labels"] if kind == "folder" else [])]
    ours, bare = [], []
    for repeat in range(repeats):
        bare.append(measured(sys.executable, "-m", "tests.bench.ingest", "--bare", kind, folder / kind))
        ours.append(measured(*begin, folder / f"{kind}-{repeat}", *flags))
    return figures(min(ours), min(bare))


def figures(ours: Used, bare: Used) -> list[str]:
    """The cells of a row."""
    (seconds, processor, memory), (bare_seconds, bare_processor, _) = ours, bare
    cells = [f"{figure:.1f}" for figure in (seconds, processor)] + ["" if memory is None else f"{memory:.0f}"]
    cells += [f"{figure:.1f}" for figure in (bare_seconds, bare_processor)]
    return [*cells, f"{seconds / bare_seconds:.2f}", f"{processor / bare_processor:.2f}"]


if __name__ == "__main__":
    main()
