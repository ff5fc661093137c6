"""The process that runs stages: that none finds what another left, and how it ends."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.logging.events import log_context, set_log_context
from labelcycle.components.core.runtime.garbage_collection import OBJECTS
from labelcycle.components.tracking import track_campaign
from labelcycle.pipelines.graph import CYCLE, DECISIONS, Graph, Task
from labelcycle.pipelines.local import stage_process
from labelcycle.pipelines.local.campaign_loop import run_campaign
from labelcycle.pipelines.local.engine import run_cycle
from labelcycle.pipelines.local.outcome import StageError
from labelcycle.pipelines.local.recorder import Recorder
from labelcycle.pipelines.local.stage_process import unchanged
from labelcycle.pipelines.local.stopping import Stopped, stoppable
from labelcycle.pipelines.local.worker import Worker
from labelcycle.pipelines.one_stage import run_stage


def test_nothing_that_a_stage_changes_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELCYCLE_TEST_KEPT", "before")
    monkeypatch.setenv("LABELCYCLE_TEST_TAKEN", "before")
    monkeypatch.chdir(tmp_path)
    before = {**os.environ}, list(warnings.filters), torch.get_num_threads(), log_context()
    mask = os.umask(0o022)
    try:
        with unchanged():
            os.environ |= {"LABELCYCLE_TEST_KEPT": "after", "LABELCYCLE_TEST_NEW": "after"}
            del os.environ["LABELCYCLE_TEST_TAKEN"]
            os.chdir("/")
            os.umask(0o077)
            warnings.simplefilter("ignore")
            torch.set_num_threads(torch.get_num_threads() + 1)
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.set_default_dtype(torch.float64)
            torch.manual_seed(3)
            random.seed(3)
            np.random.seed(3)
            set_log_context(stage="embed", cycle=3)
        assert ({**os.environ}, list(warnings.filters), torch.get_num_threads(), log_context()) == before
        assert (Path.cwd(), os.umask(0o022)) == (tmp_path, 0o022)
    finally:
        os.umask(mask)
    assert not torch.are_deterministic_algorithms_enabled() and torch.get_default_dtype() == torch.float32
    seeded = random.Random(3).random(), np.random.RandomState(3).rand(), torch.Generator().manual_seed(3)
    assert random.random() != seeded[0] and np.random.rand() != seeded[1]
    assert torch.rand(1).item() != torch.rand(1, generator=seeded[2]).item()


def test_a_stage_that_fails_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    events = tmp_path / "events"
    order = {"stage": "select", "arguments": {"root": str(tmp_path), "cycle": 0, "attempt": "none"}}
    answer = stage_process.carry_out({**order, "variables": {"LABELCYCLE_EVENTS": str(events)}})
    assert answer["failed"].startswith("CampaignError: ")
    told = [json.loads(line)["event"] for line in events.read_text().splitlines()]
    assert told == ["started", "error"] and "LABELCYCLE_EVENTS" not in os.environ


def test_its_process_collects_garbage_seldom() -> None:
    code = (
        "import gc; from labelcycle.pipelines.local import stage_process\n"
        "stage_process.carry_out = lambda order: {'threshold': gc.get_threshold()[0]}\n"
        "stage_process.main()"
    )
    reading, writing = os.pipe()
    arguments = [sys.executable, "-c", code, str(writing)]
    with (
        os.fdopen(reading) as answers,
        subprocess.Popen(arguments, stdin=subprocess.PIPE, pass_fds=[writing]) as process,
    ):
        os.close(writing)
        assert process.stdin is not None
        process.stdin.write(b"{}\n")
        process.stdin.flush()
        assert json.loads(answers.readline()) == {"threshold": OBJECTS}


class Notebook(Worker):
    """A worker that runs nothing and keeps what it was asked to."""

    def __init__(self, decision: str) -> None:
        super().__init__()
        self.decision, self.calls = decision, list[tuple[str, dict[str, Any]]]()

    def run(self, stage: str, **arguments: Any) -> dict[str, Any]:
        self.calls.append((stage, arguments))
        return {"decision": self.decision, "cycle": 4, "attempt": "abc", "reason": "so"}


class Told(Recorder):
    """A recorder that keeps what it was asked to record."""

    def __init__(self) -> None:
        super().__init__("root")
        self.told: list[tuple[int, str]] = []

    def begin(self) -> None:
        self.begun = True

    def record(self, cycle: int, attempt: str, events: Path, wait: bool = True) -> None:
        assert not wait
        self.told.append((cycle, attempt))


CAPTIONS = Task("embed texts", "embed", after=("embed base",), settings={"target": "texts"})


@pytest.mark.parametrize("decision", ["wait", *DECISIONS])
@pytest.mark.parametrize("graph", [CYCLE, Graph((*CYCLE.tasks, CAPTIONS))], ids=["as it is", "with a task more"])
def test_what_is_run_is_what_the_table_says(decision: Any, graph: Graph) -> None:
    worker, recorder = Notebook(decision), Told()
    with pytest.raises(KeyError, match="label_ingest"), worker, recorder:  # nothing was told, as nothing was run
        _ = run_cycle("root", "labels.csv", worker=worker, recorder=recorder, graph=graph).decision
    first, *others = worker.calls
    assert first == ("label_ingest", {"root": "root", "labels_from": "labels.csv", "finalize": False})
    work = {"root": "root", "cycle": 4, "attempt": "abc"}
    expected = graph.branch(decision) if decision in DECISIONS else ()
    assert others == [(task.stage, {**work, **task.settings}) for task in expected]
    assert recorder.told == ([(4, "abc")] if expected else [])


def test_processes_do_what_belongs_to_a_stage(begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow is told after publish, and by no other stage."""
    told: list[str] = []
    monkeypatch.setattr("labelcycle.components.publish.mlflow_record.record_in_mlflow", told.append)
    campaign = begin()
    ingested = campaign.ingest()
    work = {"root": campaign.root, "cycle": ingested.cycle, "attempt": ingested.attempt}
    run_stage("embed", target="base", **work)
    run_stage("select", **work)
    assert told == []
    run_stage("publish", **work)
    assert told == [campaign.root]


SELECT, TRAINING = "labelcycle.components.select.stage", "labelcycle.components.train_adapter.feature_training"
"""What is imported before `select` begins, and what while a linear head is trained."""


def at_import(folder: Path, module: str, program: str) -> str:
    """A folder for PYTHONPATH: processes run a program in place of importing a module."""
    place = folder / "at-import"
    place.mkdir()
    (place / "sitecustomize.py").write_text(
        "import os, signal, sys, time\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        f"            {program}\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    return str(place)


@pytest.mark.usefixtures("mlflow")
def test_a_stage_that_takes_too_long(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin()
    campaign.run_cycle()
    monkeypatch.setenv("LABELCYCLE_STAGE_SECONDS", "10")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", at_import(tmp_path, TRAINING, "time.sleep(600)"))
        with pytest.raises(StageError, match="Stage train_adapter has taken the 10 s that it may take") as late:
            run_cycle(campaign.root)
    assert late.value.exit_code == 2 and len(campaign.state.commits) == 1


@pytest.mark.usefixtures("mlflow")
def test_a_killed_process_ends_the_run_and_the_next_run_continues(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin()
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", at_import(tmp_path, SELECT, "os.kill(os.getpid(), signal.SIGKILL)"))
        with pytest.raises(TransientError, match=r"\(select, killed by SIGKILL, out of memory\?\)") as death:
            run_cycle(campaign.root)
    assert death.value.exit_code == 2 and campaign.state.phase == "new"
    with Worker() as worker:
        assert run_cycle(campaign.root, worker=worker).decision == "cold_start"
        first = worker._process
        assert run_cycle(campaign.root, worker=worker).decision == "train"
        assert first is not None and worker._process is first and first.poll() is None, "one process runs all"
    assert first.returncode == 0


@pytest.mark.usefixtures("mlflow", "heard")
def test_a_recorder_that_is_killed_ends_the_run_after_the_commit(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin()
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", at_import(tmp_path, "mlflow", "os.kill(os.getpid(), signal.SIGKILL)"))
        with pytest.raises(TransientError, match=r"\(record, killed by SIGKILL, out of memory\?\)") as death:
            run_campaign(campaign.root, cycles=1)
    assert death.value.exit_code == 2 and len(campaign.state.commits) in (1, 2)
    end = run_campaign(campaign.root, cycles=0)
    assert not end.recorded, "nothing was run"
    seen: list[Any] = []
    assert run_campaign(campaign.root, cycles=1, on_cycle=seen.append).recorded
    cycles = set(range(len(campaign.state.commits)))
    assert set(seen[-1].facts.get("record", {"cycles": cycles})["cycles"]) == cycles


@pytest.mark.usefixtures("mlflow")
def test_cycles_that_are_committed_before_the_recorder_is_ready_are_recorded_in_the_end(
    begin: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin(budget=8)
    waits = f"while len(__import__('glob').glob({campaign.root + '/cycles/*/commit.json'!r})) < 2: time.sleep(0.1)"
    monkeypatch.setenv("PYTHONPATH", at_import(tmp_path, "mlflow", waits))
    seen: list[Any] = []
    end = run_campaign(campaign.root, on_cycle=seen.append)
    monkeypatch.delenv("PYTHONPATH")
    assert end.recorded and len(seen) == 2
    assert "record" not in seen[0].facts, "the first cycle waits for nobody"
    assert track_campaign(campaign.root) == [], "MLflow has both"


ENGINE = """
from labelcycle.pipelines.local.worker import Worker
worker = Worker()
worker.new_events()
worker.run("select", root="root", cycle=0, attempt="none")
"""


def processes(folder: Path) -> list[str]:
    """Processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder:
                found.append(process.name)
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


HOLD = "open('begun', 'w').close(); time.sleep(600)"


def test_the_process_dies_with_an_engine_that_is_killed(tmp_path: Path) -> None:
    surroundings = {**os.environ, "PYTHONPATH": at_import(tmp_path, SELECT, HOLD)}
    with subprocess.Popen([sys.executable, "-c", ENGINE], cwd=tmp_path, env=surroundings) as engine:
        wait_until(lambda: (tmp_path / "begun").exists())
        assert len(processes(tmp_path)) == 2
        engine.kill()
    wait_until(lambda: not processes(tmp_path))


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard, as in a terminal; what runs in the background may have been started to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_stops_a_run_is_told_what_was_stopped(number: signal.Signals, code: int) -> None:
    ended: list[bool] = []
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    told = "in cycle 3, embed; nothing committed is lost, run the same command to continue"
    with (
        pytest.raises(Stopped, match=told) as stop,
        stoppable(lambda: "cycle 3, embed", lambda: ended.append(True)),
    ):
        os.kill(os.getpid(), number)
        time.sleep(60)
    assert stop.value.exit_code == code and ended == [True]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


@pytest.mark.system
@pytest.mark.usefixtures("mlflow")
@pytest.mark.parametrize(("number", "code", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")])
@pytest.mark.parametrize(("engine", "where"), [("local", "cycle 0, select"), ("kfp", "cycle 0")])
def test_a_stopped_command_says_how_to_continue_and_leaves_no_process(
    begin: Callable[..., Any], tmp_path: Path, number: signal.Signals, code: int, name: str, engine: str, where: str
) -> None:
    campaign = begin()
    here = tmp_path / "here"
    here.mkdir()
    command = ["env", "--default-signal=INT", sys.executable, "-m", "labelcycle.pipelines.cli.main"]
    command += ["run", campaign.root, "--engine", engine]
    surroundings = {**os.environ, "PYTHONPATH": at_import(tmp_path, SELECT, HOLD)}
    with subprocess.Popen(
        command, cwd=here, env=surroundings, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        wait_until(lambda: (here / "begun").exists())
        os.kill(run.pid, number)
        try:
            _, told = run.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            run.kill()
            raise
    assert run.returncode == code, told
    said = f"stopped by {name} in {where}; nothing committed is lost, run the same command to continue"
    assert said in told.splitlines()
    wait_until(lambda: not processes(here))
    assert campaign.state.phase == "new"
