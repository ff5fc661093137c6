"""A run killed at any moment and started again ends with the campaign that an undisturbed run makes, byte for byte."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from labelcycle.components.core.campaign.attempt import open_attempt
from labelcycle.components.core.digests import digest_of_file
from labelcycle.components.label_ingest.stage import run as label_ingest
from labelcycle.pipelines.local.campaign_loop import run_campaign
from labelcycle.pipelines.local.outcome import CycleRun
from tests.harness.committed_objects import cycle_that_wrote

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of SQLAlchemy, by MLflow
]

SECONDS = 900
TRIES = 5
ONE_CYCLE = ["--cycles", "1"]


@dataclass(frozen=True)
class Moment:
    """When to kill: a stage has told that it started, and `sign` is there too, but neither its end nor `too_late`.

    Attributes:
        stage: the stage that must be at work.
        sign: a pattern for what the stage writes first, below the campaign's root; None for the start itself.
        too_late: a pattern for what it writes next, which must not be there when all processes are dead.
    """

    stage: str
    sign: str | None = None
    too_late: str | None = None


AT_WORK = [
    Moment("label_ingest"),
    Moment("embed", "spaces/*/space.json", "spaces/*/part-*"),
    Moment("train_adapter", "cycles/1/*/adapter/adapter_*", "cycles/1/*/training-*.json"),
    Moment("evaluate"),
    Moment("score"),
    Moment("select"),
    Moment("publish", "cycles/1/*/summary-*.json", "cycles/1/commit.json"),
]
IN_TRAINING = Moment("train_adapter", "cycles/1/*/checkpoint.safetensors", "cycles/1/*/adapter/adapter_*")
IN_FINAL_TRAINING = Moment(
    "train_adapter", "cycles/2/*/final.trainer.checkpoint.safetensors", "cycles/2/*/backbone-*.safetensors"
)
FINAL_COMMITTED = Moment("publish", "cycles/2/commit.json")
COMMITTED = Moment("publish", "cycles/1/commit.json", "queries/cycle-0001.csv")


@pytest.mark.parametrize(
    "moment",
    [pytest.param(one, marks=() if one.sign or one is AT_WORK[0] else pytest.mark.long) for one in AT_WORK],
    ids=[one.stage for one in AT_WORK],
)
def test_killed_inside_a_stage(moment: Moment, begun: Any, reference: Any, tmp_path: Path):
    place = killed(begun, tmp_path, moment, *ONE_CYCLE)
    assert committed_cycles(place) == [0]
    litter(place)
    place.call("run", *ONE_CYCLE)
    assert committed_cycles(place) == [0, 1]
    assert_same_campaign(place, reference)


def test_killed_between_commit_and_handout(begun: Any, reference: Any, tmp_path: Path):
    place = killed(begun, tmp_path, COMMITTED)
    assert committed_cycles(place) == [0, 1]
    litter(place)
    place.call("run")
    assert committed_cycles(place) == [0, 1, 2]
    assert_same_campaign(place, reference)


def test_killed_while_mlflow_is_told(begun: Any, reference: Any, tmp_path: Path):
    place = retried(lambda folder: killed_while_mlflow_is_told(begun.copy(folder)), tmp_path)
    place.call("run")
    assert committed_cycles(place) == [0, 1, 2]
    assert_same_campaign(place, reference)


def test_killed_in_the_cold_start_and_again_between_two_epochs(pristine: Any, reference: Any, tmp_path: Path):
    place = killed(pristine, tmp_path, Moment("publish"))
    assert committed_cycles(place) == []
    place = killed(place, tmp_path / "again", IN_TRAINING)
    assert committed_cycles(place) == [0]
    litter(place)
    place.call("run", *ONE_CYCLE)
    assert committed_cycles(place) == [0, 1]
    assert_same_campaign(place, reference)


def test_finalize_killed_between_two_epochs_and_again_before_mlflow_is_told(to_finalize: Any, tmp_path: Path):
    reference = to_finalize.copy(tmp_path / "reference")
    reference.call("finalize")
    place = killed(to_finalize, tmp_path, IN_FINAL_TRAINING, command="finalize")
    assert committed_cycles(place) == [0, 1]
    litter(place)
    place = killed(place, tmp_path / "again", FINAL_COMMITTED, command="finalize")
    assert committed_cycles(place) == [0, 1, 2]
    place.call("finalize")
    assert_same_campaign(place, reference)


def test_two_runs_at_the_same_time(pristine: Any, reference: Any, tmp_path: Path):
    place = pristine.copy(tmp_path / "place")
    runs = [place.start("run"), place.start("run")]
    assert [run.finish() for run in runs] == [0, 0], "\n".join(run.log() for run in runs)
    assert committed_cycles(place) == [0, 1, 2]
    assert_same_campaign(place, reference)


def test_another_run_commits_the_last_cycle_first(reference: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = reference.copy(tmp_path / "place")
    last_cycle, aside = place.root / "cycles/2", tmp_path / "aside"
    last_cycle.rename(aside)

    def run_too_late(root: str, *_: object, **__: object) -> CycleRun:
        aside.rename(last_cycle)
        return CycleRun({"label_ingest": label_ingest(root).as_metadata()})

    told: list[CycleRun] = []
    monkeypatch.setattr("labelcycle.pipelines.local.campaign_loop.run_cycle", run_too_late)
    assert run_campaign(str(place.root), on_cycle=told.append).end == "done"
    assert told == []


def test_a_late_stage_leaves_a_committed_cycle_alone(reference: Any, tmp_path: Path):
    place = reference.copy(tmp_path / "place")
    attempt = json.loads((place.root / "cycles/2/commit.json").read_bytes())["attempt"]
    named = open_attempt(str(place.root), 2, attempt).write("head.safetensors", b"trained elsewhere to something else")
    assert named.sha256 == digest_of_file(place.root / named.key)
    assert_same_campaign(place, reference)


def killed(state: Any, folder: Path, moment: Moment, *arguments: str, command: str = "run") -> Any:
    """A copy of `state` on which `labelcycle <command>` was killed at that moment."""
    return retried(lambda place: killed_once(state.copy(place), moment, command, *arguments), folder)


def retried(attempt: Callable[[Path], Any | None], folder: Path) -> Any:
    """What `attempt` returns for a fresh folder; None means that its kill came too late, and it is tried again."""
    for number in range(TRIES):
        place = attempt(folder / f"try-{number}")
        if place is not None:
            return place
    pytest.fail(f"every one of {TRIES} kills came too late")


def killed_once(place: Any, moment: Moment, command: str, *arguments: str) -> Any | None:
    """`place` after the kill, or None if the stage was quicker than we."""
    run = place.start(command, *arguments, cold=moment.sign is None)  # a stage that has to import is at work for longer
    await_true(run, lambda: moment.stage in stages(run, "started"), pause=0.002)
    if moment.sign is not None:
        await_true(run, lambda: exists(place, moment.sign), pause=0.0002)
    run.kill()
    too_late = moment.too_late is not None and exists(place, moment.too_late)
    return None if too_late or not was_at_work(run, moment.stage) else place


def was_at_work(run: Any, stage: str) -> bool:
    """Whether the stage, which may run twice a cycle, has told of one more start than of ends."""
    return stages(run, "started").count(stage) == stages(run, "finished").count(stage) + 1


def killed_while_mlflow_is_told(place: Any) -> Any | None:
    """`place` after a kill with the artifacts of cycle 1 in MLflow's folder, but its run not complete."""
    run = place.start("run")
    await_true(run, lambda: any(place.folder.glob("mlartifacts/*/artifacts/*.html")), pause=0.002)
    run.kill()
    return place if ("0001", False) in tracked_cycles(place) else None


def await_true(run: Any, condition: Callable[[], bool], pause: float) -> None:
    """Look again and again until the condition holds, while the run is alive."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert run.process.poll() is None, f"the run ended before it could be killed:\n{run.log()}"
        assert time.monotonic() < deadline, f"the moment to kill did not come:\n{run.log()}"
        time.sleep(pause)


def stages(run: Any, kind: str) -> list[str]:
    """The stages of the events of one kind, in order."""
    return [event["stage"] for event in run.events() if event["event"] == kind]


def exists(place: Any, pattern: str) -> bool:
    """Whether any object matches."""
    return any(place.root.glob(pattern))


def litter(place: Any) -> None:
    """Leave the remains of a killed write in every folder: they must be neither trusted nor in the way."""
    for folder, _, _ in os.walk(place.root):
        (Path(folder) / ".unfinished-0123456789abcdef").write_bytes(b"half of an obj")


def committed_cycles(place: Any) -> list[int]:
    """Numbers of the cycles that have a commit."""
    return sorted(int(path.parent.name) for path in place.root.glob("cycles/*/commit.json"))


def assert_same_campaign(place: Any, reference: Any) -> None:
    """The committed cycles are those of `reference`, every object is what its commit says, and MLflow has each once."""
    cycles = committed_cycles(place)
    assert committed_files(place) == {
        key: digest for key, digest in committed_files(reference).items() if cycle_that_wrote(key) in cycles
    }
    assert objects_that_differ(place) == []
    assert tracked_cycles(place) == [(f"{cycle:04d}", True) for cycle in cycles]


def committed_files(place: Any) -> dict[str, str]:
    """Digests of the commits, the objects they name, and all votes, consensus, histories and queries, by key.

    Not of the receipts beside the queries, which say at what time these were delivered.
    """
    patterns = ("labels/[!.]*", "consensus/[!.]*", "history/[!.]*", "queries/[!.]*.csv")
    kept = [path for pattern in patterns for path in place.root.glob(pattern)]
    for path in place.root.glob("cycles/*/commit.json"):
        kept += [path, *(place.root / named["key"] for named in commit_objects(path))]
    return {path.relative_to(place.root).as_posix(): digest_of_file(path) for path in kept}


def objects_that_differ(place: Any) -> list[str]:
    """Keys of objects whose content is not what the commit says."""
    named = [reference for path in place.root.glob("cycles/*/commit.json") for reference in commit_objects(path)]
    return [one["key"] for one in named if digest_of_file(place.root / one["key"]) != one["sha256"]]


def commit_objects(path: Path) -> list[dict[str, str]]:
    """Key and digest of every object that a commit names."""
    return list(json.loads(path.read_bytes())["objects"].values())


def tracked_cycles(place: Any) -> list[tuple[str, bool]]:
    """The cycle of every cycle's run in MLflow, and whether the run is marked as complete."""
    client = MlflowClient(tracking_uri=place.tracking_uri)
    experiment = client.get_experiment_by_name("labelcycle")
    runs = client.search_runs([experiment.experiment_id], "tags.`labelcycle.kind` = 'cycle'")
    return sorted((run.data.tags["labelcycle.cycle"], "labelcycle.complete" in run.data.tags) for run in runs)
