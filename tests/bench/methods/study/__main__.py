"""Measure what is missing of the studies within some hours, and print every table from the rows that are there."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from labelcycle.pipelines.initialise.caption_sources import DEFAULT
from tests.bench.methods.study.feature_sets import read_sets
from tests.bench.methods.study.jobs import Job, Rows, measure_within
from tests.bench.methods.study.measure import DIGEST, Data, measure
from tests.bench.methods.study.sizes import Sizes
from tests.bench.methods.study.study_asvp import asvp_jobs, asvp_report
from tests.bench.methods.study.study_dropquery import dropquery_jobs, dropquery_report
from tests.bench.methods.study.study_imbalance import imbalance_jobs, imbalance_report
from tests.bench.methods.study.study_peal import peal_jobs, peal_report
from tests.bench.methods.study.study_vecaf import vecaf_jobs, vecaf_report

MEASURED = Path(__file__).with_name("rows.jsonl")
"""Rows that were measured and are in the repository, so that any machine prints their tables and goes on with them."""


@dataclass(frozen=True)
class Study:
    """A paper's tables: its jobs, and what is printed of their rows."""

    name: str
    jobs: Callable[[Data, Sizes, int], list[Job]]
    report: Callable[[Sequence[Job], Rows], str]


STUDIES = (
    Study("vecaf", vecaf_jobs, vecaf_report),
    Study("asvp", asvp_jobs, asvp_report),
    Study("peal", peal_jobs, peal_report),
    Study("dropquery", dropquery_jobs, dropquery_report),
    Study("imbalance", imbalance_jobs, imbalance_report),
)


def main() -> None:
    """Measure, then print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.methods.study", description=__doc__)
    parser.add_argument("--hours", type=float, default=1.0, help="begin no row that would end later; 0 only prints")
    parser.add_argument(
        "--features", type=Path, help="npz with ids, features, labels and classes; to print, sha256:… does"
    )
    parser.add_argument("--archive", type=Path, help="tar file of images, one folder a class")
    parser.add_argument("--weights", type=Path, help="safetensors of the backbone")
    parser.add_argument("--backbone", default="vit_tiny_patch16_224")
    parser.add_argument("--encoder", default=DEFAULT, help="folder of a text encoder, or a package that carries one")
    parser.add_argument(
        "--sets",
        nargs="+",
        default=[],
        help="for DropQuery's tables, each digits, name=features.npz or name=images.tar",
    )
    parser.add_argument("--studies", nargs="+", default=[study.name for study in STUDIES])
    parser.add_argument("--arms", nargs="+", help="texts; only arms whose name holds one of them")
    parser.add_argument("--kinds", nargs="+", help="only rows of these kinds: selection, backtest, long tail, campaign")
    parser.add_argument(
        "--priority", type=int, default=9, help="only rows of at most this one; 0 is the main arms alone"
    )
    parser.add_argument("--measured", action="store_true", help="print only arms of which a row is there")
    parser.add_argument("--seeds", type=int, default=3)
    for name, value in vars(Sizes()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    parser.add_argument("--out", type=Path, default=Path("bench-methods"), help="folder of rows.jsonl and campaigns")
    parser.add_argument(
        "--rows", type=Path, default=MEASURED, help="rows that are read too, by default those that come with the bench"
    )
    given = parser.parse_args()
    if given.archive is not None and given.weights is None:
        parser.error("--archive needs --weights")
    if given.hours > 0 and any(str(file).startswith(DIGEST) for file in (given.features, given.archive, given.weights)):
        parser.error(f"{DIGEST} in the place of a file is for --hours 0, which only prints; name the file to measure")
    sets = read_sets(given.sets, given.weights, given.backbone)
    data = Data(given.features, given.archive, given.weights, given.backbone, given.encoder, given.out, sets)
    sizes = Sizes(**{name: getattr(given, name) for name in vars(Sizes())})
    rows = Rows(given.out / "rows.jsonl", given.rows)
    chosen = [study for study in STUDIES if study.name in given.studies]
    jobs = {
        study.name: [
            job
            for job in study.jobs(data, sizes, given.seeds)
            if (given.arms is None or any(text in job.arm for text in given.arms))
            and (given.kinds is None or job.kind in given.kinds)
            and job.priority <= given.priority
        ]
        for study in chosen
    }
    hours = given.hours - (_make_features(data) if given.hours > 0 and jobs.get("dropquery") else 0.0)
    missing = measure_within(
        hours, [job for found in jobs.values() for job in found], rows, lambda job: measure(job, data)
    )
    for study in chosen:
        found = jobs[study.name]
        there = {(job.study, job.arm) for job in found if rows.get(job) is not None}
        shown = [job for job in found if (job.study, job.arm) in there] if given.measured else found
        left = sum(job in missing for job in found)
        print(f"\n## {study.name}\n\n{study.report(shown, rows)}\n\n{left} of these {len(found)} rows are missing.")
    print(f"\n{len(missing)} rows are missing. Run again to measure them.")


def _make_features(data: Data) -> float:
    """Make the features of all sets before any row, whose time they would pass for; the hours that it took."""
    begun = time.monotonic()
    for found in data.sets:
        print(f"{found.name}: {found.path(data.out)}", file=sys.stderr, flush=True)
    return (time.monotonic() - begun) / 3600


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
