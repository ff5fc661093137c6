"""A long history: what a run of every stage, and everything that shows a campaign, takes after many cycles."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.bench.load.measured import Bench
from tests.bench.load.s3_server import load

BATCH = 10


@dataclass(frozen=True)
class Written:
    """A campaign with a history, in a folder of this machine, and a label file with every answer.

    Attributes:
        cycles: committed.
        folder: the campaign's root.
        answers: the label file.
        sizes: bytes in the store, by kind of object.
    """

    cycles: int
    folder: Path
    answers: Path
    sizes: dict[str, int]


def write_long_history(bench: Bench, cycles: int) -> Written:
    """Write one; the steps work on copies of it."""
    folder, answers = bench.scratch / f"history-{cycles}", bench.scratch / f"answers-{cycles}.csv"
    embeddings = bench.scratch / f"history-{cycles}.npz"
    told = bench.prepare("history", str(folder), str(embeddings), str(answers), str(cycles), str(BATCH))
    return Written(cycles, folder, answers, json.loads(told))


def measure_long_history(bench: Bench, written: Written) -> None:
    """What everything takes after so many cycles, and one cycle more, stage by stage."""
    cycles, root = written.cycles, f"{bench.place}/{written.folder.name}"
    if bench.s3:
        load(bench.s3, written.folder, written.folder.name)
    else:
        shutil.copytree(written.folder, root)
    bench.variables["MLFLOW_TRACKING_URI"] = f"sqlite:///{bench.scratch}/mlflow-{bench.store}-{cycles}.db"
    shown = f"{cycles:,} cycles: "
    bench.command(shown + "status", "status", root, "--json")
    bench.command(shown + "dashboard of a terminal", "status", root)
    bench.command(shown + "cost", "cost", root, "--json")
    bench.part(shown + "judge every model for the promotions", "judge", root)
    bench.prepare("tracked", root)
    bench.part(shown + "MLflow tracking, everything recorded", "track", root)
    facts = bench.stage("label_ingest", shown + "label_ingest", "--root", root, "--labels-from", str(written.answers))
    assert facts["decision"] == "train", facts
    work = ["--root", root, "--cycle", str(facts["cycle"]), "--attempt", str(facts["attempt"])]
    for stage in ("train_adapter", "evaluate", "score", "select", "publish"):
        bench.stage(stage, shown + stage + (", and record the cycle in MLflow" if stage == "publish" else ""), *work)
    bench.command(shown + "status, right after a cycle", "status", root, "--json")
