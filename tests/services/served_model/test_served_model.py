"""The champion over HTTP: it answers as `labelcycle predict` does, and reads no file of the server."""

import base64
import csv
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CLASSES, Pictures
from tests.services.served_model.conftest import Recorded


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_it_answers_as_predict_does(recorded: Recorded, asked: Any, pictures: Pictures) -> None:
    """The campaign's folder is gone by now, so its network is MLflow's copy."""
    with recorded.predictions.open(newline="") as file:
        expected = list(csv.DictReader(file))
    answer = asked({"inputs": [encoded(pictures.images / row["image"]) for row in expected]})
    assert answer.status_code == 200, answer.text
    found = answer.json()["predictions"]
    assert [row["predicted"] for row in found] == [row["predicted"] for row in expected]
    for ours, theirs in zip(expected, found, strict=True):
        assert theirs["reason"] is None
        for name in CLASSES:
            assert theirs[f"probability_{name}"] == pytest.approx(float(ours[f"probability_{name}"]), abs=1e-3)


def test_an_unreadable_image_is_a_row_with_its_reason(asked: Any, pictures: Pictures) -> None:
    good = encoded(min(pictures.images.rglob("*.png")))
    bad = base64.b64encode(b"\xffno image").decode()
    answer = asked({"inputs": [good, bad]})
    first, second = answer.json()["predictions"]
    assert first["reason"] is None and first["predicted"] in CLASSES
    assert second["predicted"] is None and second["confidence"] is None
    assert second["reason"].startswith("not an image")


@pytest.mark.parametrize("kind", ["dataframe_split", "dataframe_records", "instances", "inputs", "text/csv"])
def test_no_file_of_the_server_is_opened(asked: Any, pictures: Pictures, kind: str) -> None:
    """It is an image that the server could read, and says nothing of."""
    path = str(min(pictures.images.rglob("*.png")))
    bodies: dict[str, Any] = {
        "dataframe_split": {"dataframe_split": {"columns": ["image"], "data": [[path]]}},
        "dataframe_records": {"dataframe_records": [{"image": path}]},
        "instances": {"instances": [{"image": path}]},
        "inputs": {"inputs": [path]},
        "text/csv": f"image\n{path}\n",
    }
    answer = asked(bodies[kind], kind if kind == "text/csv" else "application/json")
    if answer.status_code == 200:
        (row,) = answer.json()["predictions"]
        assert row["predicted"] is None and row["reason"]
    else:
        assert answer.status_code == 400
