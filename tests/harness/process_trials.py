"""Trials with real `labelcycle` processes: whole campaigns on S3 that fails, run again for as long as they say so."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

from labelcycle.components.core.errors import LabelcycleError, TransientError
from tests.harness.faulty_s3.faults import Seeded
from tests.harness.faulty_s3.proxy import FaultyS3, Nothing
from tests.harness.quick_campaign import MOST_RUNS, Passage, request
from tests.harness.storage_trials import Bed, Outcome

SECONDS = 900


class Refused(LabelcycleError):
    """A process ended with another code than 0 and 2, or with a traceback."""


def process_trial(bed: Bed, proxy: FaultyS3, bucket: str, seed: int, share: float = 0.05) -> Outcome:
    """`labelcycle init` and `labelcycle run` on S3 whose requests meet all kinds of faults."""
    root = f"s3://{bucket}/{uuid.uuid4().hex}"
    before = proxy.injected.total()

    def trial() -> tuple[Passage, int]:
        passage = Passage()
        proxy.plan = Seeded(seed, share)
        try:
            for command in (["init", root, *_settings(bed)], ["run", root]):
                _run_until_done(command, bed.folder, passage)
        finally:
            proxy.plan = Nothing()
        return passage, proxy.injected.total() - before

    return bed.outcome("S3: all kinds mixed, real processes", seed, root, trial)


def _settings(bed: Bed) -> list[str]:
    wanted = request("", bed.embeddings, bed.cycles).settings
    overrides = [word for name, value in wanted.overrides.items() for word in ("--set", f"{name}={value}")]
    sizes = ["--name", str(wanted.name), "--budget", str(wanted.budget), "--batch", str(wanted.batch)]
    return ["--embeddings", str(bed.embeddings), "--recipe", str(wanted.recipe), *sizes, *overrides]


def _run_until_done(command: list[str], folder: Path, passage: Passage) -> None:
    for _ in range(MOST_RUNS):
        ended = subprocess.run(
            [sys.executable, "-m", "labelcycle.pipelines.cli.main", *command],
            cwd=folder,
            env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if ended.returncode == 0:
            return
        if ended.returncode != TransientError.exit_code or "Traceback" in ended.stderr:
            raise Refused(f"{command[0]} ended with {ended.returncode}: {ended.stderr[-2000:]}")
        passage.failures.append(ended.stderr)
    raise AssertionError(f"no end after {MOST_RUNS} runs")
