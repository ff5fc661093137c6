"""`labelcycle predict` as users call it."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("mlflow")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_images_by_the_champion(
    labelcycle: Callable[..., Any], begin_on_images: Callable[..., Any], pictures: Any, tmp_path: Path
) -> None:
    campaign = begin_on_images(budget=8)
    for _ in range(2):
        campaign.run_cycle()
    arguments = [campaign.root, "--images", pictures.images, "--output", tmp_path / "new" / "out.csv"]
    none = labelcycle("predict", *arguments)
    assert none.returncode == 1 and f"labelcycle promote {campaign.root}" in none.stderr
    assert labelcycle("promote", campaign.root).returncode == 0
    answer = labelcycle("predict", *arguments, "--top", 2, "--probabilities", "--batch-size", 16)
    assert answer.returncode == 0, answer.stderr
    accuracy = campaign.state.trained[-1].accuracy
    assert answer.stdout == f"60 images classified by the champion, of cycle 1, accuracy {accuracy:.4f}\n"
    found = rows(tmp_path / "new" / "out.csv")
    assert len(found) == 60
    assert {"predicted", "confidence_2", "probability_red"} <= found[0].keys()


def test_embeddings_by_the_model_of_a_cycle(
    labelcycle: Callable[..., Any], begin: Callable[..., Any], embeddings: Path, tmp_path: Path
) -> None:
    campaign = begin(budget=8)
    for _ in range(2):
        campaign.run_cycle()
    answer = labelcycle("predict", campaign.root, "--embeddings", embeddings, "--output", "out.csv", "--cycle", 1)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("60 samples classified by the model of cycle 1, accuracy")
    assert len(rows(tmp_path / "working-directory" / "out.csv")) == 60
    for arguments, message in [
        (["--output", "out.csv"], "either --images or --embeddings"),
        (["--output", "out.csv", "--images", "x", "--embeddings", "y"], "either --images or --embeddings"),
        (["--output", "out.txt", "--embeddings", embeddings, "--cycle", 1], "neither CSV nor Parquet"),
        (["--output", "out.csv", "--embeddings", "none.npz", "--cycle", 1], "There is no embeddings file"),
        (["--output", "out.csv", "--images", tmp_path, "--cycle", 1], "take features, not images"),
    ]:
        refused = labelcycle("predict", campaign.root, *arguments)
        assert refused.returncode == 1 and message in refused.stderr, refused.stderr
