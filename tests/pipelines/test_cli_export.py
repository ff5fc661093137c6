"""`labelcycle export` as users call it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("mlflow")


def test_the_final_model(labelcycle: Callable[..., Any], begin_on_images: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin_on_images(budget=8)
    for _ in range(2):
        campaign.run_cycle()
    none = labelcycle("export", campaign.root, "--output", "out")
    assert none.returncode == 1 and f"labelcycle promote {campaign.root}" in none.stderr
    answer = labelcycle("export", campaign.root, "--output", "out", "--final")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("exported the model of cycle 1, accuracy")
    assert "tried on 12 samples: the same classes, probabilities differ by" in answer.stdout
    folder = tmp_path / "working-directory" / "out"
    assert sorted(path.name for path in folder.iterdir()) == ["labels.json", "model.onnx", "model_card.json"]
    assert json.loads((folder / "model_card.json").read_bytes())["champion"] is False
    wrong = labelcycle("export", campaign.root, "--output", "out", "--format", "pickle")
    assert wrong.returncode == 1 and "--format" in wrong.stderr
