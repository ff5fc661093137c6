"""Campaigns that real `labelcycle` processes work on, each with an MLflow database and temporary folders of its own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.warm_start import warm_python

SECONDS = 900
BATCH = 6
SETTINGS = ["--recipe", "peal_entropy", "--set", "trainer.epochs=2", "--name", "crash"]


@dataclass(frozen=True)
class Run:
    """A `labelcycle` process, leader of its own process group; folders of its temporary files, and where it works."""

    process: subprocess.Popen[bytes]
    temporary: Path
    folder: Path

    def events(self) -> list[dict[str, Any]]:
        """What the stages have told so far, cycle after cycle; the last line may still be in the writing."""
        files = sorted(self.temporary.glob("labelcycle-*/events*.jsonl"), key=lambda path: path.stat().st_ctime_ns)
        lines = [line for path in files for line in path.read_bytes().splitlines(keepends=True)]
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def finish(self) -> int:
        """Wait for the end; returns the exit code."""
        return self.process.wait(timeout=SECONDS)

    def log(self) -> str:
        """What the process has printed."""
        return (self.temporary / "log.txt").read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL to the whole group; returns once none of its stages can write any more."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=SECONDS)
        deadline = time.monotonic() + SECONDS
        while survivors := _processes_in(self.folder):
            assert time.monotonic() < deadline, f"{survivors} have survived SIGKILL"
            time.sleep(0.01)


def _processes_in(folder: Path) -> list[str]:
    """Processes that work in a folder; a zombie, which an orphan may stay where nobody collects it, is in none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append(process.name)
    return found


@dataclass(frozen=True)
class Place:
    """A folder with a campaign in it, and beside the campaign all else that its runs write."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "campaign"

    @property
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def copy(self, folder: Path) -> "Place":
        """The same campaign and database in another folder."""
        return Place(shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("temporary-*")))

    def start(self, command: str, *arguments: str, cold: bool = False) -> Run:
        """Start `labelcycle <command> <root> <arguments>`; if `cold`, it and its stages import everything anew."""
        number = len(list(self.folder.glob("temporary-*")))
        temporary = self.folder / f"temporary-{number}"
        temporary.mkdir()
        with (temporary / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                [
                    sys.executable if cold else warm_python(),
                    "-m",
                    "labelcycle.pipelines.cli.main",
                    command,
                    str(self.root),
                    *arguments,
                ],
                env=self._environment(temporary),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        run = Run(process, temporary, self.folder)
        STARTED.append(run)
        return run

    def call(self, command: str, *arguments: str) -> None:
        """Run `labelcycle <command> <root> <arguments>`, which must succeed."""
        run = self.start(command, *arguments)
        assert run.finish() == 0, run.log()

    def _environment(self, temporary: Path) -> dict[str, str]:
        """One thread, because torch's sums depend on how many threads share them; a checkpoint after every epoch."""
        foreign = ("MLFLOW_", "KFP_", "LABELCYCLE_")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
            "TMPDIR": str(temporary),
            "MLFLOW_TRACKING_URI": self.tracking_uri,
            "OMP_NUM_THREADS": "1",
            "LABELCYCLE_CHECKPOINT_SECONDS": "0",
        }


STARTED: list[Run] = []


@pytest.fixture(autouse=True)
def no_survivors() -> Iterator[None]:
    """Whatever a test has started and not ended, ends with it."""
    yield
    while STARTED:
        run = STARTED.pop()
        if run.process.poll() is None:
            run.kill()


@pytest.fixture(scope="session")
def pristine(pictures: Any, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A campaign just initialised, and an MLflow database with tables and nothing in them, which takes seconds."""
    place = Place(tmp_path_factory.mktemp("pristine"))
    subprocess.run(
        [sys.executable, "-m", "mlflow", "db", "upgrade", place.tracking_uri],
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        check=True,
        capture_output=True,
        timeout=SECONDS,
    )
    data = ["--images", str(pictures.images), "--labels-from", str(pictures.labels), "--test", str(pictures.test)]
    place.call("init", *data, *SETTINGS, "--budget", str(2 * BATCH), "--batch", str(BATCH))
    return place


@pytest.fixture(scope="session")
def reference(pristine: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The whole campaign, by one run that nothing disturbs."""
    place = pristine.copy(tmp_path_factory.mktemp("reference") / "place")
    place.call("run")
    return place


@pytest.fixture(scope="session")
def begun(pristine: Place, reference: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The campaign as it was when its cold start had just been committed; MLflow has no record of that yet."""
    place = pristine.copy(tmp_path_factory.mktemp("begun") / "place")
    shutil.copytree(reference.root / "cycles" / "0", place.root / "cycles" / "0")
    shutil.copytree(reference.root / "queries", place.root / "queries", ignore=shutil.ignore_patterns("*-0001.*"))
    return place


@pytest.fixture
def to_finalize(pristine: Place, begin_on_images: Any, tmp_path: Path) -> Place:
    """A campaign on frozen features whose budget is spent, and whose final model is to be fine-tuned after probing."""
    place = Place(tmp_path / "to-finalize")
    place.folder.mkdir()
    shutil.copy(pristine.folder / "mlflow.db", place.folder)
    rates = {"learning_rate": 1e-4, "head_learning_rate": 0.01, "probe_learning_rate": 0.01}
    final = {"final.trainer": {"name": "lp_ft", "epochs": 2, "probe_epochs": 2, **rates}}
    campaign = begin_on_images(str(place.root), recipe="linear_probe", budget=BATCH, batch=BATCH, overrides=final)
    campaign.run_cycle()
    campaign.run_cycle()
    return place
