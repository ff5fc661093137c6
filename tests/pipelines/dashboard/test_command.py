"""`labelcycle status` as users call it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from labelcycle.pipelines.cli.main import app


@pytest.fixture
def labelled_in_a_tool(begin_on_images: Callable[..., Any], tell: Callable[[str], Any]) -> Any:
    """A campaign with a labelling tool that does not answer."""
    tool = {"label_studio": "http://127.0.0.1:9", "image_server": "http://127.0.0.1:8090"}
    story = tell(begin_on_images(labels_from=None, **tool).root)
    story.cycle(0, None, 8)
    story.cycle(8, 0.5, 8)
    return story


def test_in_a_pipe(labelcycle: Callable[..., Any], labelled_by_people: Any) -> None:
    answer = labelcycle("status", labelled_by_people.root, COLUMNS="40", FORCE_COLOR="", TERM="xterm-256color")
    assert answer.returncode == 0 and answer.stderr == ""
    assert f"next: labelcycle run {labelled_by_people.root}\n" in answer.stdout
    assert "0 of 10 samples of the query are answered." in answer.stdout
    assert "\x1b" not in answer.stdout


@pytest.mark.parametrize("token", ["", "a-token"], ids=["no token", "no answer"])
def test_a_tool_that_cannot_be_asked(labelled_in_a_tool: Any, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    environment = {"LABEL_STUDIO_TOKEN": token, "LABEL_STUDIO_TOKEN_FILE": "", "COLUMNS": "500"}
    answer = CliRunner().invoke(app, ["status", labelled_in_a_tool.root], env=environment)
    assert answer.exit_code == 0
    assert "samples of cycle 1's query are labelled at http://127.0.0.1:9\n" in answer.stdout
    assert "8 of 24 labels of the budget are used." in answer.stdout
    assert "note: it is not known now who still has to label: " in answer.stdout
    assert ("http://127.0.0.1:9" if token else "LABEL_STUDIO_TOKEN") in answer.stdout.partition("note: ")[2]


def test_json_of_a_tool_that_cannot_be_asked(labelcycle: Callable[..., Any], labelled_in_a_tool: Any) -> None:
    environment = {"LABEL_STUDIO_TOKEN": "", "LABEL_STUDIO_TOKEN_FILE": ""}
    answer = labelcycle("status", labelled_in_a_tool.root, "--json", **environment)
    facts = json.loads(answer.stdout)
    assert answer.returncode == 0 and facts["labelling"] is None and len(facts["notes"]) == 1
    assert (facts["state"], facts["awaited"]) == ("labelling", 8)


def test_watching_what_is_not_there(labelcycle: Callable[..., Any], tmp_path: Path) -> None:
    answer = labelcycle("status", tmp_path, "--watch")
    assert answer.returncode == 1 and "No campaign at" in answer.stderr


def test_looks_without_a_pause_are_refused(labelcycle: Callable[..., Any], tmp_path: Path) -> None:
    assert labelcycle("status", tmp_path, "--watch", "--every", 0).returncode == 1
