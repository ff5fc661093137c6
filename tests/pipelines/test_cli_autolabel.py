"""`labelcycle autolabel` and `labelcycle predict --pool` as users call them."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.usefixtures("mlflow")


def test_from_predictions_to_certified_labels(
    labelcycle: Callable[..., Any], begin: Callable[..., Any], tmp_path: Path
) -> None:
    campaign = begin(budget=8)
    for _ in range(2):
        campaign.run_cycle()
    refused = labelcycle("predict", campaign.root, "--pool", "--embeddings", "x.npz", "--output", "out.parquet")
    assert refused.returncode == 1 and "or --pool" in refused.stderr
    for option, message in [
        ("--resumable", "--resumable is for --images"),
        ("--batch-size=32", "Leave out --batch-size"),
        ("--top=2", "Parquet has the probabilities of all classes"),
    ]:
        refused = labelcycle("predict", campaign.root, "--pool", option, "--output", "out.parquet")
        assert refused.returncode == 1 and message in refused.stderr
    answer = labelcycle("predict", campaign.root, "--pool", "--cycle", 1, "--output", tmp_path / "out.parquet")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("48 samples classified by the model of cycle 1, accuracy")
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 48
    claim = ["autolabel", campaign.root, "--error", 0.3, "--confidence", 0.6, "--audit", 3, "--steps", 1, "--model", 1]
    few = tmp_path / "few.csv"
    few.write_text("sample_id,label\nred-40,red\n")
    refused = labelcycle(*claim, "--labels-from", few, "--output", few)
    assert (
        refused.returncode == 1 and not refused.stdout and f"--output {few} is a file. Name a folder" in refused.stderr
    )
    assert not (Path(campaign.root) / "autolabel").exists()
    asked = labelcycle(*claim, "--labels-from", few)
    assert asked.returncode == 3, asked.stderr
    assert "40 samples without a label of people; model of cycle 1" in asked.stdout
    assert "people audit 3, and may find 0 faults" in asked.stdout
    audit = Path(campaign.root) / "autolabel" / "0000" / "audit-1.csv"
    assert f"waiting for labels: 3 samples of step 1, in {audit}" in asked.stderr
    with audit.open() as file:
        names = [row["sample_id"] for row in csv.DictReader(file)]
    few.write_text("sample_id,label\n" + "".join(f"{name},{name.partition('-')[0]}\n" for name in names))
    over = labelcycle(*claim, "--labels-from", few, "--output", tmp_path / "labels")
    assert over.returncode == 0, over.stderr
    assert "certified: " in over.stdout and "error of at most 30.00% at 60% confidence" in over.stdout
    written = {path.name for path in (tmp_path / "labels").iterdir()}
    assert written == {"labels.parquet", "certificate.json", "share.png"}


def test_no_share_is_certified(labelcycle: Callable[..., Any], begin: Callable[..., Any], tmp_path: Path) -> None:
    campaign = begin(budget=8)
    for _ in range(2):
        campaign.run_cycle()
    wrong = tmp_path / "wrong.csv"
    other = {"blue": "green", "green": "red", "red": "blue"}
    rows = [(f"{name}-{20 * start + row:02d}", other[name]) for start, name in enumerate(other) for row in range(20)]
    wrong.write_text("sample_id,label\n" + "".join(f"{name},{label}\n" for name, label in rows))
    claim = ["--error", 0.3, "--confidence", 0.6, "--audit", 3, "--steps", 1, "--model", 1, "--labels-from", wrong]
    over = labelcycle("autolabel", campaign.root, *claim, "--output", tmp_path / "out")
    assert over.returncode == 1 and "no share is certified for an error of at most 30.00%" in over.stdout, over.stderr
    assert not (tmp_path / "out" / "labels.parquet").exists() and (tmp_path / "out" / "certificate.json").exists()
