"""`labelcycle compile`, as users call it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.installed_command import command_in

COMPILED = Path(__file__).parents[2] / "pipelines" / "compiled"
Command = Callable[..., subprocess.CompletedProcess[str]]


def test_it_writes_what_the_repository_holds(tmp_path: Path) -> None:
    """In a new Python, because libraries that a warm one has loaded change how long texts are written in YAML."""
    labelcycle = command_in(tmp_path / "working-directory", seconds=300, cold=True)
    answer = labelcycle("compile", "--output", tmp_path / "new" / "folder")
    assert answer.returncode == 0, answer.stderr
    for name in ("cycle.yaml", "cycle_in_shards.yaml", "backtest.yaml", "predict.yaml"):
        assert (tmp_path / "new" / "folder" / name).read_bytes() == (COMPILED / name).read_bytes()
        assert str(tmp_path / "new" / "folder" / name) in answer.stdout


def test_explaining_writes_nothing(labelcycle: Command, tmp_path: Path) -> None:
    answer = labelcycle("compile", "--explain", "--profile", "a100", "--image", "registry.example/python:3")
    assert answer.returncode == 0, answer.stderr
    assert list((tmp_path / "working-directory").iterdir()) == []
    assert "labelcycle-cycle: " in answer.stdout and " bytes, 11 stages" in answer.stdout
    embed = next(line for line in answer.stdout.splitlines() if "train / embed tuned / embed" in line)
    for told in ("each of shard_numbers", "48Gi to 96Gi", "1 nvidia.com/gpu", "registry.example/python:3-cuda", "yes"):
        assert told in embed
    [_, trained] = [line.split() for line in answer.stdout.splitlines() if line.startswith("where train holds")]
    assert trained[3:] == ["28", "8", "20", "25", "9"], "pods, of stages, drivers, levels, those of a further shard"


def test_for_a_recipe_whose_features_stay(labelcycle: Command) -> None:
    pods = {}
    for recipe in ("uherding", "standard_ft"):
        answer = labelcycle("compile", "--explain", "--recipe", recipe, "--shards", 2)
        assert answer.returncode == 0, answer.stderr
        pods[recipe] = next(line.split() for line in answer.stdout.splitlines() if line.startswith("where train"))[3:]
    assert pods == {"uherding": ["21", "9", "12", "14"], "standard_ft": ["25", "11", "14", "16"]}


def test_a_recipe_that_is_not_there(labelcycle: Command, tmp_path: Path) -> None:
    answer = labelcycle("compile", "--output", tmp_path / "new", "--recipe", "best")
    assert answer.returncode == 1 and "There is no recipe 'best'" in answer.stderr
    assert not (tmp_path / "new").exists()


def test_nothing_asked_for(labelcycle: Command) -> None:
    answer = labelcycle("compile")
    assert answer.returncode == 1 and "Name a folder with --output" in answer.stderr


def test_a_profile_that_is_not_there(labelcycle: Command, tmp_path: Path) -> None:
    answer = labelcycle("compile", "--output", tmp_path / "new", "--profile", "huge")
    assert answer.returncode == 1 and "There is no profile 'huge'" in answer.stderr
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_way(labelcycle: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = labelcycle("compile", "--output", tmp_path / "file")
    assert answer.returncode == 1 and "file" in answer.stderr
