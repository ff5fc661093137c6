"""A large pool: init, status, ingest of many labels from one file and from many, and select."""

import json
from dataclasses import dataclass

from tests.bench.load.measured import Bench

SMALL_FILES = 1000
BATCH = 1000
CLASSES = 10
STRATEGIES = ("margin", "random")
"""Those that are measured beside the campaign's own, DropQuery, on the same scores."""


@dataclass(frozen=True)
class Size:
    """How large: rows of the pool, their width, and labels."""

    rows: int
    width: int
    labels: int


def measure_large_pool(bench: Bench, size: Size) -> None:
    """A campaign by DropQuery, which asks for `labels` samples at random and then for a thousand more."""
    bench.variables["MLFLOW_TRACKING_URI"] = f"sqlite:///{bench.scratch}/mlflow-{bench.store}-pool.db"
    embeddings = str(bench.scratch / "embeddings.parquet")
    bench.prepare("embeddings", embeddings, str(size.rows), str(size.width))
    root = f"{bench.place}/pool"
    settings = ["--recipe", "dropquery", "--set", "cold_start.strategy=random", "--set", "trainer.epochs=5"]
    sizes = ["--budget", str(2 * size.labels), "--initial", str(size.labels), "--batch", str(BATCH)]
    classes = ["--classes", ",".join(f"class {number}" for number in range(CLASSES))]
    bench.command("init from embeddings", "init", root, "--embeddings", embeddings, *settings, *sizes, *classes)
    bench.command("status, new campaign", "status", root, "--json")
    cold = _work(bench.stage("label_ingest", "label_ingest, cold start", "--root", root))
    bench.stage("select", f"select {size.labels:,} by random, cold start", "--root", root, *cold)
    bench.stage("publish", f"publish a query of {size.labels:,}, and begin MLflow's database", "--root", root, *cold)
    bench.command("status, nothing answered", "status", root, "--json")
    bench.prepare("answers", root, f"{bench.place}/answers", str(SMALL_FILES))
    for shown, name in (
        ("one CSV file", "answers/one.csv"),
        ("one Parquet file", "answers/one.parquet"),
        (f"{SMALL_FILES:,} small files", "answers/many"),
    ):
        source = ["--labels-from", f"{bench.place}/{name}"]
        facts = bench.stage("label_ingest", f"ingest of {size.labels:,} labels, {shown}", "--root", root, *source)
        assert facts["decision"] == "train", facts
    work = _work(facts)
    bench.stage("train_adapter", f"train on {size.labels:,} labels, 5 epochs", "--root", root, *work)
    bench.stage("score", "score, one shard", "--root", root, *work)
    bench.stage("select", f"select {BATCH:,} by dropquery", "--root", root, *work)
    for strategy in STRATEGIES:
        bench.part(f"select {BATCH:,} by {strategy}", "select", root, json.dumps(work[1::2]), strategy)


def _work(facts: dict[str, object]) -> list[str]:
    return ["--cycle", str(facts["cycle"]), "--attempt", str(facts["attempt"])]
