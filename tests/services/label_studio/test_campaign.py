"""The whole loop with people in Label Studio, by the installed commands alone, twice over."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Pictures
from tests.pipelines.conftest import COMMAND
from tests.services.label_studio.conftest import annotate, choice
from tests.services.label_studio.server import LabelStudioServer, Person

Command = Callable[..., subprocess.CompletedProcess[str]]
BATCH = 6


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def root(
    labelcycle: Command, studio: LabelStudioServer, token: str, pictures: Pictures, tmp_path: Path
) -> Iterator[Path]:
    """A campaign that asks two people for each label and goes on at three quarters, its images served to browsers."""
    port = free_port()
    begun = labelcycle(
        *("init", tmp_path / "people", "--images", pictures.images, "--test", pictures.test),
        *("--label-studio", studio.url, "--image-server", f"http://127.0.0.1:{port}"),
        *("--recipe", "linear_probe", "--set", "trainer.epochs=20", "--budget", 2 * BATCH, "--batch", BATCH),
        *("--quorum", 2, "--answered-share", 0.75, "--consensus", "crowdlab"),
    )
    assert begun.returncode == 0, begun.stderr
    serving = [COMMAND, "images", str(tmp_path / "people"), "--port", str(port)]
    with subprocess.Popen(serving, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        yield tmp_path / "people"
        server.terminate()
    assert server.returncode == 0


def open_tasks(person: Person, campaign: str, cycle: int) -> list[dict[str, Any]]:
    """The tasks of a query, best first."""
    projects = person.call("GET", f"/api/projects/?title={campaign}")["results"]
    [project] = [found for found in projects if found["title"] == campaign]
    tasks = person.call("GET", f"/api/tasks/?project={project['id']}&fields=all&page_size=100")["tasks"]
    return sorted((task for task in tasks if task["data"]["cycle"] == cycle), key=lambda task: task["data"]["rank"])


def right(task: dict[str, Any]) -> dict[str, Any]:
    return choice(task["data"]["sample_id"].split("/")[0])


def status(labelcycle: Command, root: Path) -> dict[str, Any]:
    answer = labelcycle("status", root, "--json")
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def test_two_cycles_of_people(labelcycle: Command, root: Path, owner: Person, colleague: Person) -> None:
    waiting = labelcycle("run", root)
    assert waiting.returncode == 3, waiting.stderr
    campaign = status(labelcycle, root)["campaign"]

    first = open_tasks(owner, campaign, 0)
    assert len(first) == BATCH
    image = requests.get(first[0]["data"]["image"], timeout=60)
    assert image.status_code == 200 and image.headers["Content-Type"] == "image/png"
    for task in first[:5]:
        annotate(owner, task, right(task))
        annotate(colleague, task, right(task))
    annotate(owner, first[5], right(first[5]))
    trained = labelcycle("run", root)
    assert trained.returncode == 3, trained.stderr
    facts = status(labelcycle, root)
    assert [cycle["labels"] for cycle in facts["cycles"]] == [6] and facts["cycles"][0]["outstanding"] == 1
    page = next((root / "cycles/1").glob("*/report-*.html")).read_text(encoding="utf-8")
    assert owner.email in page and colleague.email in page

    second = open_tasks(owner, campaign, 1)
    assert len(second) == BATCH and not {task["id"] for task in second} & {task["id"] for task in first}
    annotate(colleague, first[5], right(first[5]))
    wrong = choice("red" if not second[0]["data"]["sample_id"].startswith("red") else "blue")
    annotate(owner, second[0], wrong)
    annotate(colleague, second[0], right(second[0]))
    for task in second[1:]:
        annotate(owner, task, right(task))
        annotate(colleague, task, was_cancelled=True)
    ended = labelcycle("run", root)
    assert ended.returncode == 0, ended.stderr
    assert "the budget of 12 labels is spent" in ended.stdout + ended.stderr
    last = status(labelcycle, root)["cycles"][-1]
    assert (last["answers"], last["outstanding"], last["labels"]) == (12, 0, 12)
