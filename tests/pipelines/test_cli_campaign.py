"""Whole campaigns by the installed command, in a folder and on S3, and the exit codes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.config.labelling import Labelling
from labelcycle.pipelines.cli.run import _what_to_do
from tests.installed_command import command_in

pytestmark = pytest.mark.usefixtures("mlflow")

QUICK = ["--set", "trainer.epochs=20", "--set", "trainer.learning_rate=0.02"]


def status(labelcycle: Callable[..., Any], root: str) -> dict[str, Any]:
    answer = labelcycle("status", root, "--json")
    assert answer.returncode == 0
    facts: dict[str, Any] = json.loads(answer.stdout)
    return facts


@pytest.mark.parametrize(
    ("recipe", "place"), [("random", "folder"), ("linear_probe", "s3")], ids=["random in a folder", "probe on S3"]
)
def test_from_begin_to_end(
    labelcycle: Callable[..., Any],
    pictures: Any,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    recipe: str,
    place: str,
) -> None:
    root = str(tmp_path / "campaign") if place == "folder" else request.getfixturevalue("s3_root")
    data = ["--images", pictures.images, "--labels-from", pictures.labels, "--test", pictures.test]
    begun = labelcycle("init", root, *data, "--recipe", recipe, "--budget", 16, "--batch", 8, *QUICK)
    assert begun.returncode == 0, begun.stderr
    assert "48 pool, 12 test; 3 classes" in begun.stdout
    assert status(labelcycle, root)["state"] == "new"

    first = labelcycle("run", root, "--cycles", 1)
    assert first.returncode == 0, first.stderr
    assert "cycle 0: cold start, 8 samples to label next" in first.stdout
    assert "stopped: after 1 cycle, as requested" in first.stdout
    assert status(labelcycle, root)["state"] == "labelling"

    rest = labelcycle("run", root)
    assert rest.returncode == 0, rest.stderr
    assert rest.stdout.endswith("done: the budget of 16 labels is spent\n")
    facts = status(labelcycle, root)
    assert (facts["state"], facts["labels"], facts["awaited"], facts["recipe"]) == ("done", 16, 0, recipe)
    wanted = {"cycle", "labels", "accuracy", "space", "query_size", "known_unknown_ratio"}
    assert all(wanted <= cycle.keys() for cycle in facts["cycles"])
    assert [(cycle["cycle"], cycle["labels"], cycle["query_size"]) for cycle in facts["cycles"]] == [
        (1, 8, 8),
        (2, 16, 0),
    ]
    assert facts["cycles"][1]["accuracy"] > 0.9
    assert facts["why_done"] == "the budget of 16 labels is spent"
    assert "done: the budget of 16 labels is spent" in labelcycle("status", root).stdout

    again = labelcycle("run", root)
    assert (again.returncode, again.stdout) == (0, "done: the budget of 16 labels is spent\n")


def test_people_label_by_filling_in_the_handout(labelcycle: Callable[..., Any], pictures: Any, tmp_path: Path) -> None:
    root = tmp_path / "campaign"
    settings = ["--recipe", "random", "--budget", 8, "--batch", 4, "--test", pictures.test, *QUICK]
    assert labelcycle("init", root, "--images", pictures.images, *settings).returncode == 0
    waiting = labelcycle("run", root)
    assert waiting.returncode == 3
    assert "waiting for labels: 4 of 4 samples of cycle 0's query have no label" in waiting.stderr
    assert "queries/cycle-0000.csv" in waiting.stderr
    assert f"labelcycle label {root}\n" in waiting.stderr
    assert status(labelcycle, str(root))["awaited"] == 4
    handout = root / "queries" / "cycle-0000.csv"
    header, *lines = handout.read_text().splitlines()
    handout.write_text("\n".join([header, *(f"{line[:-2]},{line.split('/')[0]}," for line in lines)]))
    assert labelcycle("run", root, "--cycles", 1).returncode == 0
    shutil.copyfile(pictures.labels, tmp_path / "working-directory" / "labels.csv")
    assert labelcycle("run", root, "--labels-from", "labels.csv").returncode == 0
    assert status(labelcycle, str(root))["labels"] == 8


def test_what_to_do_depends_on_where_labels_come_from(begin: Callable[..., Any]) -> None:
    known = begin().state.campaign
    [line] = _what_to_do(known, "root", "")
    assert line == "deliver them in a file with --labels-from, and run again"
    assert _what_to_do(known, "root", "/data/labels.csv")[0].startswith("fill them in there")
    people = known.model_copy(update={"labels_from": None, "labelling": Labelling(second_opinions=0.1)})
    [line] = _what_to_do(people, "root", "")
    assert line.startswith("fill them in there")
    _, line = _what_to_do(people.model_copy(update={"backbone": "any"}), "root", "")
    assert line == "or label in the browser: labelcycle label root --annotator NAME"


def test_a_target_ends_the_run(labelcycle: Callable[..., Any], embeddings: Path, tmp_path: Path) -> None:
    root = tmp_path / "campaign"
    data = ["--embeddings", embeddings, "--recipe", "linear_probe", "--budget", 40, "--batch", 8]
    assert labelcycle("init", root, *data, *QUICK).returncode == 0
    answer = labelcycle("run", root, "--until-accuracy", 0.2)
    assert answer.returncode == 0 and "has reached the target of 0.2" in answer.stdout
    assert len(status(labelcycle, str(root))["cycles"]) == 1


def test_a_cycle_stage_by_stage(pictures: Any, tmp_path: Path) -> None:
    """Each stage is once a new Python, which imports what this stage needs."""
    labelcycle = command_in(tmp_path / "working-directory", seconds=300)
    begun_anew = command_in(tmp_path / "working-directory", seconds=300, cold=True)
    root = tmp_path / "campaign"
    data = ["--images", pictures.images, "--test", pictures.test, "--recipe", "random", "--budget", 8, "--batch", 8]
    assert labelcycle("init", root, *data, *QUICK).returncode == 0
    shutil.copyfile(pictures.labels, tmp_path / "working-directory" / "labels.csv")

    def stage(name: str, *arguments: object, by: Callable[..., Any] = labelcycle) -> dict[str, Any]:
        answer = by("stage", name, "--root", root, *arguments)
        assert answer.returncode == 0, answer.stderr
        facts: dict[str, Any] = json.loads(answer.stdout)
        return facts

    def work(facts: dict[str, Any]) -> list[object]:
        return ["--cycle", facts["cycle"], "--attempt", facts["attempt"]]

    cold = stage("label_ingest", by=begun_anew)
    assert cold["decision"] == "cold_start"
    assert stage("embed", *work(cold), "--target", "base", by=begun_anew)["embedded"] == 60
    assert stage("select", *work(cold), "--facts", tmp_path / "new" / "facts.json", by=begun_anew)["size"] == 8
    assert json.loads((tmp_path / "new" / "facts.json").read_text())["size"] == 8
    assert stage("publish", *work(cold))["committed"]
    assert stage("label_ingest")["decision"] == "wait"
    ready = stage("label_ingest", "--labels-from", "labels.csv")
    assert ready["decision"] == "train"
    assert stage("train_adapter", *work(ready), by=begun_anew)["labelled"] == 8
    assert stage("embed", *work(ready), "--target", "tuned")["embedded"] == 0
    assert stage("evaluate", *work(ready), by=begun_anew)["labels"] == 8
    assert stage("score", *work(ready), "--shard", 0, "--shards", 1, by=begun_anew)["scored"] == 0
    assert stage("select", *work(ready))["size"] == 0
    assert stage("publish", *work(ready), by=begun_anew)["labels"] == 8
    assert stage("label_ingest")["decision"] == "done"
