"""Errors of the command: one message with the remedy, the right exit code, and never a traceback."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SETTINGS = ["--budget", 8, "--batch", 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "unknown"], "There is no recipe 'unknown'. Choose one of"),
        (["--set", "trainer.epoch=3"], "trainer.epoch: unknown setting. Did you mean 'epochs'?"),
        (["--set", "trainer.qqq=3"], "trainer.qqq: unknown setting. Remove it or correct its spelling"),
        (["--recipe", "Margin"], "There is no recipe 'Margin'. Did you mean 'margin'? Choose one of"),
        (["--set", "selector.strategy=entrpy"], "There is no strategy 'entrpy'. Did you mean 'entropy'?"),
        (["--set", "trainer.epochs"], "--set 'trainer.epochs' is not KEY=VALUE"),
        (["--set", "trainer.epochs=[1"], "the value is not YAML"),
        (["--set", "trainer.epochs=2024-99-99"], "the value is not YAML: month must be in 1..12"),
        (["--mean", "0.5,0.5"], "--mean '0.5,0.5' is not three numbers, such as 0.5,0.5,0.5"),
        (["--std", "a,b,c"], "--std 'a,b,c' is not three numbers"),
        (["--recipe", "peal_entropy"], "trains on images and cannot use embeddings"),
        (["--images", "photos"], "A campaign starts from either --images or --embeddings"),
        (["--batch", "0"], "--batch must be 1 or more"),
        (["--batch", "9"], "--batch 9 is larger than --budget 8"),
        (["--batch", "49", "--budget", "60"], "--batch 49 is larger than the pool of 48 samples"),
        (["--classes", "blue,green,r\x07ed,red"], r"--classes names 'r\x07ed', which holds control characters"),
        (["--classes", "blue,green"], "Label 'red' is not among --classes: blue, green."),
        (["--classes", "blue,green,Red"], "is not among --classes: blue, green, Red. Did you mean 'Red'?"),
        (["--classes", 'blue,"green'], "is not a list of names (unexpected end of data). Quote them as in: red,"),
        (["--labels-from", "missing.csv"], "There is no label file missing.csv"),
        (["--name", "bad name"], "name: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_settings_that_cannot_be(
    labelcycle: Callable[..., Any], embeddings: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    answer = labelcycle("init", tmp_path / "campaign", "--embeddings", embeddings, *SETTINGS, *arguments)
    assert answer.returncode == 1
    what_was_read, error, rest = answer.stderr.partition("error: ")
    assert error and message in rest and what_was_read in ("", f"{embeddings}: read 60 samples; 60 with a label.\n")
    assert not (tmp_path / "campaign" / "campaign.json").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--backbone", "vit_smal"], 1, "timm has no model 'vit_smal'. Similar names"),
        (["--backbone", "vit_small_patch16_224"], 2, "Name a local file or s3:// URI with --weights"),
        (["--weights", "missing.safetensors"], 1, "There is no file 'missing.safetensors'. Correct --weights"),
        (["--weights", "weights.pth"], 1, "not a .safetensors file; other formats can run code"),
        (["--weights", "text.safetensors"], 1, "do not fit backbone"),
        (["--interpolation", "magic"], 1, "interpolation"),
        (["--image-size", "4"], 1, "8 pixels or more"),
        (["--embeddings", "e.npz"], 1, "either --images or --embeddings"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_backbones_that_cannot_be(
    labelcycle: Callable[..., Any], pictures: Any, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "working-directory" / "text.safetensors").write_text("no weights")
    data = ["--images", pictures.images, "--labels-from", pictures.labels, "--test", pictures.test]
    answer = labelcycle(
        "init", tmp_path / "campaign", *data, *SETTINGS, *arguments, HF_HOME=str(tmp_path / "empty-cache")
    )
    assert answer.returncode == code, answer.stderr
    assert message in answer.stderr
    assert not (tmp_path / "campaign" / "campaign.json").exists()


@pytest.mark.parametrize("command", ["run", "status"])
def test_no_campaign(labelcycle: Callable[..., Any], tmp_path: Path, command: str) -> None:
    answer = labelcycle(command, tmp_path)
    assert answer.returncode == 1
    assert answer.stderr == f"error: No campaign at {tmp_path}. Create one with: labelcycle init {tmp_path} …\n"


def test_neither_images_nor_embeddings(labelcycle: Callable[..., Any], tmp_path: Path) -> None:
    answer = labelcycle("init", tmp_path / "campaign")
    assert answer.returncode == 1 and "Give one of them" in answer.stderr


def test_too_many_unreadable_images(labelcycle: Callable[..., Any], pictures: Any, tmp_path: Path) -> None:
    images = Path(shutil.copytree(pictures.images, tmp_path / "images"))
    for number in range(9):
        (images / f"broken-{number}.jpg").write_text("no image")
    answer = labelcycle("init", tmp_path / "campaign", "--images", images, "--test", pictures.test, *SETTINGS)
    assert answer.returncode == 1
    assert "9 of 69 images" in answer.stderr and "or allow more with --max-unreadable" in answer.stderr


def test_the_root_of_another_campaign(labelcycle: Callable[..., Any], embeddings: Path, tmp_path: Path) -> None:
    root = tmp_path / "campaign"
    data = ["--embeddings", embeddings, "--batch", 4]
    assert labelcycle("init", root, *data, "--budget", 8).returncode == 0
    same = labelcycle("init", root, *data, "--budget", 8)
    assert same.returncode == 0 and "already there, unchanged" in same.stdout
    other = labelcycle("init", root, *data, "--budget", 9)
    assert other.returncode == 1 and "which began with another budget, 8. Continue it" in other.stderr


def test_a_campaign_of_a_newer_labelcycle(labelcycle: Callable[..., Any], begin: Callable[..., Any]) -> None:
    path = Path(begin().root) / "campaign.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 99}))
    answer = labelcycle("status", path.parent)
    assert answer.returncode == 1 and "has schema version 99" in answer.stderr and "Upgrade" in answer.stderr


def test_s3_that_does_not_answer(labelcycle: Callable[..., Any], aws_environment: None) -> None:
    answer = labelcycle("status", "s3://bucket/campaign", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert answer.returncode == 2 and answer.stderr.startswith("error: ") and "127.0.0.1:9" in answer.stderr


def test_a_stage_that_refuses(labelcycle: Callable[..., Any], begin: Callable[..., Any]) -> None:
    answer = labelcycle("stage", "select", "--root", begin().root, "--cycle", 0, "--attempt", "none")
    assert answer.returncode == 1 and "Run the label_ingest stage first" in answer.stderr


def test_embeddings_with_objects(labelcycle: Callable[..., Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", ids=np.array(["a"], dtype=object), features=np.ones((1, 2)))
    answer = labelcycle("init", tmp_path / "campaign", "--embeddings", tmp_path / "e.npz")
    assert answer.returncode == 1 and "cannot be read as npz" in answer.stderr


@pytest.mark.parametrize(
    "command", [["run"], ["init", "x", "--budget", "many"], ["status", "x", "--wrong"], ["nothing"]]
)
def test_wrong_usage_is_not_worth_a_retry(labelcycle: Callable[..., Any], command: list[str]) -> None:
    assert labelcycle(*command).returncode == 1
