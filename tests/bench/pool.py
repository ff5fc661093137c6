"""`make bench-pool`: what each stage of a cycle takes of a large pool: seconds, memory, bytes and requests.

Features are random numbers around class centres: how long stages take does not depend on what they hold. Each stage is
a process of its own, as on a cluster, so that its peak memory is that of its pod. The pool has embeddings, so embed
finds nothing to do; `make bench-cycle` measures embedding. Bytes and requests are those of the stages' own timings.
With `--store s3` the campaign is on moto, on the same machine. Cycles are recorded in an MLflow server, as pods record
them, or with `--mlflow sqlite` in a file. In a folder `publish` is measured a second time, on a copy, without what the
page and MLflow have of it: the map of the feature space and the record.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from labelcycle.components.core.config.environment import environment

CLASSES, TEST_SHARE, BLOCK = 10, 0.01, 50_000
BATCH = 1000
COLD_START = ("select", "publish")

PUBLISH_ALONE = """
import sys
from labelcycle.components.core.runtime.garbage_collection import collect_seldom
from labelcycle.components.publish import cycle_report
from labelcycle.pipelines.one_stage import run_alone
collect_seldom()
cycle_report.map_points = lambda *given: None
run_alone("publish", root=sys.argv[1], cycle=int(sys.argv[2]), attempt=sys.argv[3])
"""


@dataclass(frozen=True)
class Measurement:
    """What one process took: seconds, of them processor seconds, and peak memory in MiB."""

    name: str
    seconds: float
    processor: float
    memory: float


def write_embeddings(path: Path, samples: int, width: int) -> None:
    """A Parquet file of embeddings with labels, written block by block."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(CLASSES, width)).astype(np.float32)
    feature = pa.list_(pa.float16(), width)
    schema = pa.schema(
        [("sample_id", pa.string()), ("feature", feature), ("label", pa.string()), ("split", pa.string())]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, samples, BLOCK):
            rows = np.arange(start, min(start + BLOCK, samples))
            classes = rows % CLASSES
            noise = generator.standard_normal((len(rows), width), dtype=np.float32)
            values = (centres[classes] + 2 * noise).astype(np.float16)
            columns = [
                pa.array([f"images/{row:09d}.jpg" for row in rows]),
                pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), type=feature),
                pa.array([f"class {number}" for number in classes]),
                pa.array(np.where(generator.random(len(rows)) < TEST_SHARE, "test", "pool").tolist()),
            ]
            writer.write_table(pa.table(columns, schema=schema))


def measured(name: str, *arguments: str) -> tuple[Measurement, dict[str, object]]:
    """Run `labelcycle <arguments>` as a process; what it took, and the JSON that a stage prints."""
    taken, output = of_process(name, "-m", "labelcycle.pipelines.cli.main", *arguments)
    return taken, json.loads(output) if arguments[0] == "stage" else {}


def of_process(name: str, *arguments: str) -> tuple[Measurement, bytes]:
    """Run Python with these arguments; what it took, and what it prints."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed")
    seconds = time.perf_counter() - began
    taken = Measurement(name, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    print(f"{name}: {seconds:.1f} s", file=sys.stderr, flush=True)
    return taken, output


def run_cycles(root: str, embeddings: Path, strategy: str, shards: int) -> tuple[list[Measurement], Measurement | None]:
    """Begin a campaign at a root, and run its cold start and one trained cycle.

    Returns what each took, and `publish` without its map and the record in MLflow; None on S3.
    """
    settings = ["--recipe", "linear_probe", "--set", f"selector.strategy={strategy}", "--set", "trainer.epochs=20"]
    sizes = ["--budget", str(4 * BATCH), "--batch", str(BATCH)]
    taken = [measured("init", "init", root, "--embeddings", str(embeddings), *settings, *sizes)[0]]

    def stage(name: str, *arguments: str, shown: str = "") -> dict[str, object]:
        measurement, facts = measured(shown or name, "stage", name, "--root", root, *arguments)
        taken.append(measurement)
        return facts

    def attempt(facts: dict[str, object]) -> list[str]:
        return ["--cycle", str(facts["cycle"]), "--attempt", str(facts["attempt"])]

    work = attempt(stage("label_ingest", shown="label_ingest, cold start"))
    for name in COLD_START:
        stage(name, *work, shown=f"{name}, cold start")
    work = attempt(stage("label_ingest"))
    stage("embed", *work, "--target", "base")
    stage("train_adapter", *work)
    stage("evaluate", *work)
    for shard in range(shards):
        stage("score", *work, "--shard", str(shard), "--shards", str(shards), shown=f"score, shard {shard} of {shards}")
    stage("select", *work, "--shards", str(shards), shown=f"select by {strategy}")
    alone = None
    if "://" not in root:
        copy = f"{root}-copy"
        shutil.copytree(root, copy, copy_function=os.link)
        cycle, name = work[1::2]
        alone = of_process("publish, without map and MLflow", "-c", PUBLISH_ALONE, copy, cycle, name)[0]
    stage("publish", *work)
    return taken, alone


def traffic_of_stages(root: str) -> list[tuple[int, float, float]]:
    """Requests, MiB read and MiB written of every run of a stage, in the order of their start."""
    from labelcycle.components.core.runtime.timings import read_timings
    from labelcycle.components.core.storage import open_store

    store = open_store(root)
    timings = [timing for cycle in (0, 1) for timing in read_timings(store, cycle)]
    mib = 2**20
    return [(one.requests or 0, (one.bytes_read or 0) / mib, (one.bytes_written or 0) / mib) for one in timings]


def needs_of_score(root: str, shards: int) -> list[int]:
    """Bytes that each shard of `score` must read: the parts that hold its samples, the index, the ids beside that."""
    from labelcycle.components.core.campaign.campaign import load_campaign
    from labelcycle.components.core.campaign.pool_ids import ids_of_split
    from labelcycle.components.core.features.ordering import chunks_of_shard
    from labelcycle.components.core.features.spaces import FeatureSpace
    from labelcycle.components.core.storage import open_store

    store = open_store(root)
    campaign = load_campaign(store)
    listing, folder = FeatureSpace(store, campaign.base_space).listing(), f"spaces/{campaign.base_space}/"
    beside = sum(store.fetch(key).stat().st_size for kind in ("index-", "ids-") for key in store.keys(folder + kind))
    parts = [
        (store.fetch(folder + part.name).stat().st_size, set(ids.to_pylist()))
        for part, ids in listing.indexed_ids(store, campaign.base_space)
    ]
    pool = ids_of_split(store, campaign, "pool")
    own = [{name for chunk in chunks_of_shard(pool, shard, shards) for name in chunk} for shard in range(shards)]
    return [beside + sum(size for size, ids in parts if not ids.isdisjoint(wanted)) for wanted in own]


@contextmanager
def place_for(store: str, folder: Path) -> Iterator[str]:
    """A root in the folder, or on an S3 server that this process's environment names as long as it lives."""
    if store == "folder":
        yield str(folder / "campaign")
        return
    from tests.bench.load.s3_server import BUCKET, counting_s3_server

    with counting_s3_server(0.0) as settings:
        os.environ.update(settings)
        yield f"s3://{BUCKET}/campaign"


@contextmanager
def record_in(kind: str, folder: Path) -> Iterator[None]:
    """Where the stages record cycles: a SQLite file beside the campaign, or a server of MLflow's own."""
    if kind == "sqlite":
        yield
        return
    from tests.services.mlflow_server.server import ADMINISTRATOR, MlflowServer

    server = MlflowServer(folder, folder / "server.db", str(folder / "artifacts"), {})
    name, password = ADMINISTRATOR
    settings = {"URI": server.address, "USERNAME": name, "PASSWORD": password}
    server.start()
    try:
        with environment({f"MLFLOW_TRACKING_{key}": value for key, value in settings.items()}):
            yield
    finally:
        server.stop()


def main() -> None:
    """Measure pools of the given sizes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--strategy", default="margin")
    parser.add_argument("--store", choices=["folder", "s3"], default="folder")
    parser.add_argument("--mlflow", choices=["server", "sqlite"], default="server")
    given = parser.parse_args()
    sizes = " ".join(map(str, given.samples))
    chosen = f"--samples {sizes} --width {given.width} --shards {given.shards} --strategy {given.strategy}"
    chosen += "" if given.store == "folder" else f" --store {given.store}"
    chosen += "" if given.mlflow == "server" else f" --mlflow {given.mlflow}"
    print(f"`python -m tests.bench.pool {chosen}`\n")
    for samples in given.samples:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            with ProcessPoolExecutor(1) as writer:  # a child's peak memory begins at its parent's size
                writer.submit(write_embeddings, folder / "embeddings.parquet", samples, given.width).result()
            with record_in(given.mlflow, folder), place_for(given.store, folder) as root:
                taken, alone = run_cycles(root, folder / "embeddings.parquet", given.strategy, given.shards)
                with ProcessPoolExecutor(1) as reader:
                    moved = [None, *reader.submit(traffic_of_stages, root).result()]
                    needs = reader.submit(needs_of_score, root, given.shards).result()
        print(f"### {samples:,} samples of width {given.width}\n")
        print("| stage | seconds | processor seconds | peak memory, MiB | requests | MiB read | MiB written |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        for row, traffic in zip(taken, moved, strict=True):
            figures = " | | " if traffic is None else f"{traffic[0]} | {traffic[1]:,.2f} | {traffic[2]:,.2f}"
            print(f"| {row.name} | {row.seconds:.1f} | {row.processor:.1f} | {row.memory:,.0f} | {figures} |")
        if alone is not None:
            print(f"| {alone.name} | {alone.seconds:.1f} | {alone.processor:.1f} | {alone.memory:,.0f} | | | |")
        read = [traffic[1] for row, traffic in zip(taken, moved, strict=True) if traffic and row.name[:7] == "score, "]
        ratios = [mib * 2**20 / needed for mib, needed in zip(read, needs, strict=True)]
        print(f"\nA shard of score reads {min(ratios):.3f} to {max(ratios):.3f} times its own parts, index and ids.\n")


if __name__ == "__main__":
    main()
