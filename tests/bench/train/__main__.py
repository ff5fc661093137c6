"""`make bench-train`: training throughput against a plain loop of peft and timm, and the seconds of heads.

Every ratio compares two measurements of this one run, each from the files on disk to the trained model.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from tests.bench.train.adapters import TARGETS, agree, compare, labelled_campaign
from tests.bench.train.heads import time_heads
from tests.bench.train.pictures import prepare, weights_of

PARTS = ("adapters", "agreement", "heads")


def _file(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value) if value else None


def main() -> None:
    """Measure what is asked for and print one table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.train", description=__doc__)
    parser.add_argument("--part", choices=(*PARTS, "all"), default="all", help="what to measure")
    parser.add_argument("--images", type=Path, default=_file("LABELCYCLE_IMAGES"), help="tar of <class>/<name>.jpg")
    parser.add_argument("--weights", type=Path, default=_file("LABELCYCLE_WEIGHTS"), help="safetensors of --backbone")
    parser.add_argument("--features", type=Path, default=_file("LABELCYCLE_FEATURES"), help="npz: features, labels")
    parser.add_argument("--backbone", default="vit_tiny_patch16_224")
    parser.add_argument("--count", type=int, default=256, help="images to train on")
    parser.add_argument("--epochs", type=int, default=10, help="of each training; the paper has 50")
    parser.add_argument("--blocks", choices=TARGETS, help="blocks with adapters; by default all, and the last three")
    parser.add_argument("--repeats", type=int, default=2, help="runs of each, in turn; the fastest counts")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of both trainings")
    given = parser.parse_args()
    parts = PARTS if given.part == "all" else (given.part,)
    place = "GPU" if torch.cuda.is_available() else f"{len(os.sched_getaffinity(0))} CPU cores"
    table = Table(title=f"bench-train on {place}", caption=f"python -m tests.bench.train {' '.join(sys.argv[1:])}")
    for heading in ("work", "labelcycle", "peer", "ratio or agreement"):
        table.add_column(heading)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if {"adapters", "agreement"} & set(parts):
            prepare(scratch / "pictures", given.images, given.count)
            weights = weights_of(given.backbone, given.weights, scratch)
            root = scratch / "campaign"
            work = labelled_campaign(scratch / "pictures", root, given.backbone, weights, given.count, given.precision)
        if "adapters" in parts:
            compare(table, work, given.blocks, given.epochs, given.repeats, scratch)
        if "agreement" in parts:
            agree(table, work, given.epochs, scratch)
        if "heads" in parts:
            time_heads(table, given.features)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
