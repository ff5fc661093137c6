"""What the command tells about itself, and that starting it is quick."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

STAGES = ["label_ingest", "embed", "train_adapter", "evaluate", "score", "select", "publish", "notify"]
STAGES += ["prediction_start", "prediction_parts", "prediction_commit"]
COMMANDS = [
    [],
    ["doctor"],
    ["init"],
    ["run"],
    ["status"],
    ["publish"],
    ["images"],
    ["promote"],
    ["predict"],
    ["export"],
    ["cost"],
    ["recipes"],
    ["backtest"],
    ["batches"],
    ["finalize"],
    ["compile"],
    ["submit"],
    ["schedule"],
    ["argo"],
    ["stage"],
    *(["stage", stage] for stage in STAGES),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(labelcycle: Callable[..., Any], command: list[str]) -> None:
    answer = labelcycle(*command, "--help")
    assert answer.returncode == 0 and "Usage: labelcycle" in answer.stdout


def test_the_version_is_printed(labelcycle: Callable[..., Any]) -> None:
    answer = labelcycle("--version")
    assert (answer.returncode, answer.stdout) == (0, f"labelcycle {version('labelcycle')}\n")


def test_exit_codes_are_told(labelcycle: Callable[..., Any]) -> None:
    text = " ".join(labelcycle("--help").stdout.replace("│", " ").split())
    for code in ("0 done", "1 wrong input or settings", "2 a failure that may pass", "3 waiting for labels"):
        assert code in text


def test_starting_loads_no_heavy_library() -> None:
    script = (
        "import sys, labelcycle.pipelines.cli.main; "
        "heavy = {'torch', 'timm', 'peft', 'mlflow', 'kfp', 'hera', 'sklearn', 'matplotlib', 'boto3'}; "
        "print(sorted(heavy & sys.modules.keys()))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_recipes_as_a_table_and_as_json(labelcycle: Callable[..., Any]) -> None:
    found = json.loads(labelcycle("recipes", "--json").stdout)
    table = labelcycle("recipes").stdout
    assert {"random", "linear_probe", "peal_entropy"} <= {recipe["name"] for recipe in found}
    assert all(recipe["name"] in table for recipe in found)


def test_a_recipe_is_printed_as_a_file_that_can_be_used(labelcycle: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text(labelcycle("recipes", "peal_entropy").stdout)
    (listed,) = (one for one in json.loads(labelcycle("recipes", "--json").stdout) if one["name"] == "peal_entropy")
    assert json.loads(labelcycle("recipes", file, "--json").stdout) == listed
    wrong = labelcycle("recipes", "peal_entropi")
    assert wrong.returncode == 1 and "Did you mean 'peal_entropy'?" in wrong.stderr


def test_shells_learn_how_a_command_line_goes_on(labelcycle: Callable[..., Any]) -> None:
    asked = {"_LABELCYCLE_COMPLETE": "complete_bash", "COMP_WORDS": "labelcycle status --j", "COMP_CWORD": "2"}
    answer = labelcycle(**asked)
    assert answer.stdout.split() == ["--json"]
    assert "_LABELCYCLE_COMPLETE=complete_bash" in labelcycle("--show-completion", "bash").stdout
