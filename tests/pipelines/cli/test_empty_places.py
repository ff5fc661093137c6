"""Options that name a place refuse empty texts, which as paths would mean the working directory."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.cli.main import app

EMPTY = "{} is empty. Name a file or folder, or leave it out."


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["init", "new", "--images", "", "--classes", "a,b"], "--images"),
        (["init", "new", "--test", "", "--embeddings", "e.npz"], "--test"),
        (["predict", "root", "--output", "out.csv", "--images", ""], "--images"),
        (["predict", "root", "--output", "out.csv", "--pool", "--embeddings", ""], "--embeddings"),
        (["run", "root", "--labels-from", ""], "--labels-from"),
        (["amend", "root", "--withdraw", ""], "--withdraw"),
        (["autolabel", "root", "--error", "0.1", "--output", ""], "--output"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_an_empty_place_is_refused(arguments: list[str], flag: str) -> None:
    answer = CliRunner().invoke(app, arguments)
    assert isinstance(answer.exception, ConfigurationError)
    assert str(answer.exception) == EMPTY.format(flag)


def test_init_refuses_empty_settings() -> None:
    answer = CliRunner().invoke(app, ["init", "new", "--embeddings", "e.npz", "--weights", ""])
    assert isinstance(answer.exception, ConfigurationError)
    assert str(answer.exception) == "--weights is empty; name something, or leave it out."


def test_stages_are_told_of_no_label_file_by_an_empty_text() -> None:
    answer = CliRunner().invoke(app, ["stage", "label_ingest", "--root", "", "--labels-from", "", "--outputs", "out"])
    assert "--labels-from" not in str(answer.exception)
    assert "The campaign root is empty" in str(answer.exception)


def test_a_refusal_is_logged() -> None:
    command = [sys.executable, "-m", "labelcycle.pipelines.cli.main", "run", "root", "--labels-from", ""]
    ended = subprocess.run(command, env=os.environ | {"LABELCYCLE_LOG": "json"}, capture_output=True, timeout=60)
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 1
    assert [event["event"] for event in events] == ["command_started", "error", "command_ended"]
