"""The pipeline of one cycle, every stage in a container of the image."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from labelcycle.components.core.campaign.state import read_state
from labelcycle.components.core.storage import open_store
from tests.containers.conftest import ROOT, Work
from tests.containers.engine import Engine


@pytest.fixture
def run_cycle(image: str, container_engine: Engine, tmp_path: Path) -> Callable[[Work], str]:
    """A function: run the pipeline once through KFP's DockerRunner; returns what was printed."""

    def ran(work: Work) -> str:
        scratch = tmp_path / f"kfp-{uuid.uuid4().hex}"
        asked = {
            "root": str(work.root),
            "user": work.user,
            "mounts": {str(path): read_only for path, read_only in work.mounts.items()},
            "scratch": str(scratch),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.containers.run_cycle"],
            input=json.dumps(asked),
            env={**container_engine.environment, "LABELCYCLE_IMAGE": image},
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    return ran


def test_pipeline_asks_and_trains(begin_for: Callable[[int], Work], run_cycle: Callable[[Work], str]) -> None:
    work = begin_for(10001)

    assert "publish" in run_cycle(work)
    state = read_state(open_store(str(work.root)))
    assert len(state.commits) == 1

    printed = run_cycle(work)
    for stage in ("label_ingest", "embed", "train_adapter", "evaluate", "score", "select", "publish"):
        assert stage.replace("_", "-") in printed
    state = read_state(open_store(str(work.root)))
    assert len(state.commits) == 2
    assert (work.root / "mlflow.db").exists()
