"""A command for each stage of the table, and facts of a stage as files, for engines that read single values."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from labelcycle.pipelines.cli.stage import app, command_of
from labelcycle.pipelines.graph import CYCLE, PREDICTION, WORK, Stage


def test_each_fact_is_a_file(begin: Callable[..., Any], tmp_path: Path) -> None:
    root, outputs = begin().root, tmp_path / "new" / "outputs"
    answer = CliRunner().invoke(app, ["label_ingest", "--root", root, "--no-finalize", "--outputs", str(outputs)])
    facts = json.loads(answer.stdout)
    assert {file.name: file.read_text() for file in outputs.iterdir()} == {
        "decision": "cold_start",
        "cycle": "0",
        "attempt": facts["attempt"],
        "reason": facts["reason"],
        "awaited": "0",
        "final": "false",
    }


def test_every_stage_of_a_cycle_and_of_a_prediction_is_a_command() -> None:
    stages = (*CYCLE.stages, *PREDICTION.stages)
    assert [command.name for command in app.registered_commands] == [stage.name for stage in stages]
    assert [command.help for command in app.registered_commands] == [stage.does for stage in stages]


def test_a_command_takes_what_its_stage_takes() -> None:
    sharded = inspect.signature(command_of(Stage("new", "Do something new.", (*WORK, "target"), sharded=True)))
    assert list(sharded.parameters) == ["root", *WORK, "target", "shard", "shards", "facts", "outputs"]
    needed = [name for name, given in sharded.parameters.items() if given.default is inspect.Parameter.empty]
    assert needed == ["root", *WORK, "target"]
    assert "shards" not in inspect.signature(command_of(Stage("new", "Do something new."))).parameters
