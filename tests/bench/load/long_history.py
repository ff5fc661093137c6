"""A long history: what a run of every stage, and everything that shows a campaign, takes after many cycles."""

import json
from typing import Any

from tests.bench.load.measured import Bench

BATCH = 10


def measure_long_history(bench: Bench, cycles: int) -> dict[str, Any]:
    """A campaign of so many committed cycles, then one more of them, stage by stage. Returns sizes in the store."""
    root = f"{bench.place}/history-{cycles}"
    answers = str(bench.scratch / f"answers-{cycles}.csv")
    embeddings = str(bench.scratch / f"history-{cycles}.npz")
    sizes = json.loads(bench.prepare("history", root, embeddings, answers, str(cycles), str(BATCH)))
    bench.variables["MLFLOW_TRACKING_URI"] = f"sqlite:///{bench.scratch}/mlflow-{cycles}.db"
    shown = f"{cycles:,} cycles: "
    bench.command(shown + "status", "status", root, "--json")
    bench.command(shown + "dashboard of a terminal", "status", root)
    bench.command(shown + "cost", "cost", root, "--json")
    bench.part(shown + "judge every model for the promotions", "judge", root)
    bench.prepare("tracked", root)
    bench.part(shown + "MLflow tracking, everything recorded", "track", root)
    facts = bench.stage("label_ingest", shown + "label_ingest", "--root", root, "--labels-from", answers)
    assert facts["decision"] == "train", facts
    work = ["--root", root, "--cycle", str(facts["cycle"]), "--attempt", str(facts["attempt"])]
    for stage in ("train_adapter", "evaluate", "score", "select", "publish"):
        bench.stage(stage, shown + stage + (", and record the cycle in MLflow" if stage == "publish" else ""), *work)
    return {f"{bench.store}, {cycles} cycles": sizes}
