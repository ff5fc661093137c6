"""Predictions: the same as measured, whatever is wrong with single images, and whole or not at all."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.errors import ConfigurationError, InputError, TransientError
from labelcycle.components.core.features.spaces import FeatureSpace
from labelcycle.pipelines.models.choice import choose_model
from labelcycle.pipelines.models.predict import predict_embeddings, predict_images
from tests.conftest import CLASSES, Pictures
from tests.pipelines.models.conftest import RECIPES, crown


def truth(pictures: Pictures) -> dict[str, str]:
    """The classes of the test images."""
    with pictures.test.open() as file:
        return {row["sample_id"]: row["label"] for row in csv.DictReader(file)}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("trainer", RECIPES)
def test_on_the_test_images_it_says_what_was_measured(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path, trainer: str
) -> None:
    """The same accuracy, and the probabilities that the evaluated features have."""
    chosen = choose_model(trained(trainer))
    done = predict_images(chosen, str(pictures.images), str(tmp_path / "out.parquet"), batch_size=7)
    assert (done.predicted, done.unreadable) == (60, 0)
    found = {row["image"]: row for row in pq.read_table(tmp_path / "out.parquet").to_pylist()}
    labels = truth(pictures)
    right = [found[name]["predicted"] == label for name, label in labels.items()]
    assert len(right) == 12 and float(np.mean(right)) == chosen.metrics.accuracy
    names, features = FeatureSpace(chosen.store, chosen.training.space).read(list(labels))
    predicted = np.array([found[name]["probabilities"] for name in names])
    assert np.abs(predicted - chosen.head.probabilities(features)).max() < 1e-3


def test_batches_change_no_probability(trained: Callable[..., str], pictures: Pictures, tmp_path: Path) -> None:
    chosen = choose_model(trained("lora"))
    for size in (1, 64):
        predict_images(chosen, str(pictures.images), str(tmp_path / f"{size}.parquet"), batch_size=size)
    one, many = (pq.read_table(tmp_path / f"{size}.parquet") for size in (1, 64))
    assert one["image"] == many["image"] and one["predicted"] == many["predicted"]
    apart = np.array(one["probabilities"].to_pylist()) - np.array(many["probabilities"].to_pylist())
    assert np.abs(apart).max() < 1e-3


def test_parquet_has_everything(trained: Callable[..., str], pictures: Pictures, tmp_path: Path) -> None:
    predict_images(choose_model(trained()), str(pictures.images), str(tmp_path / "out.parquet"), top=2)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == [
        "image",
        "predicted",
        "confidence",
        "predicted_2",
        "confidence_2",
        "probabilities",
        "reason",
    ]
    assert json.loads(table.schema.metadata[b"classes"]) == CLASSES
    for row in table.to_pylist():
        ranked = sorted(zip(row["probabilities"], CLASSES, strict=True), reverse=True)
        assert [(row["confidence"], row["predicted"]), (row["confidence_2"], row["predicted_2"])] == ranked[:2]
        assert sum(row["probabilities"]) == pytest.approx(1, abs=1e-5) and row["reason"] is None


def test_csv_has_a_column_a_class_where_asked_for(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    predict_images(choose_model(trained()), str(pictures.images), str(out), top=9, probabilities=True)
    pairs = ["predicted", "confidence", "predicted_2", "confidence_2", "predicted_3", "confidence_3"]
    (first, *_) = rows(out)
    assert list(first) == ["image", *pairs, *(f"probability_{name}" for name in CLASSES), "reason"]
    assert float(first["confidence"]) == max(float(first[f"probability_{name}"]) for name in CLASSES)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_unreadable_images_are_listed_with_the_reason(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    images = tmp_path / "images"
    shutil.copytree(pictures.images / "red", images)
    (images / "00.png").write_bytes(b"")
    (images / "07.png").write_bytes((images / "07.png").read_bytes()[:100])
    (images / "zz.jpg").write_text("no image")
    out = tmp_path / f"out.{ending}"
    done = predict_images(choose_model(trained()), str(images), str(out), batch_size=4)
    assert (done.predicted, done.unreadable) == (18, 3)
    assert "3 of 21 images cannot be read" in capsys.readouterr().err
    found = rows(out) if ending == "csv" else pq.read_table(out).to_pylist()
    assert [row["image"] for row in found] == sorted(path.name for path in images.iterdir())
    bad = {row["image"]: row for row in found if row["reason"]}
    assert set(bad) == {"00.png", "07.png", "zz.jpg"}
    assert (
        bad["00.png"]["reason"] == "empty file" and not bad["00.png"]["predicted"] and not bad["00.png"]["confidence"]
    )
    assert all(row["predicted"] in CLASSES for row in found if row["image"] not in bad)


def test_links_to_nothing_and_pipes_have_a_reason(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    shutil.copy(pictures.images / "red/03.png", images / "b.png")
    (images / "a.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(images / "c.png")
    done = predict_images(choose_model(trained()), str(images), str(tmp_path / "out.csv"))
    assert (done.predicted, done.unreadable) == (1, 2)
    assert "2 of 3 images cannot be read" in capsys.readouterr().err
    assert [(row["image"], row["reason"]) for row in rows(tmp_path / "out.csv")] == [
        ("a.png", "cannot be read: No such file or directory"),
        ("b.png", ""),
        ("c.png", "cannot be read: not a plain file"),
    ]


def test_an_address_that_is_never_fetched_has_its_reason(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path
) -> None:
    good = str(pictures.images / "red/03.png")
    (tmp_path / "list.txt").write_text(f"http://127.0.0.1/a.png\n{good}\n")
    done = predict_images(choose_model(trained()), str(tmp_path / "list.txt"), str(tmp_path / "out.csv"))
    assert (done.predicted, done.unreadable) == (1, 1)
    refused, read = rows(tmp_path / "out.csv")
    assert refused["image"] == "http://127.0.0.1/a.png" and "http: is never fetched" in refused["reason"]
    assert (read["image"], read["predicted"]) == (good, "red")


def test_no_readable_image_is_an_error_that_leaves_the_reasons(trained: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match="None of the 1 images"):
        predict_images(choose_model(trained()), str(tmp_path / "images"), str(tmp_path / "out.csv"))
    assert rows(tmp_path / "out.csv")[0]["reason"] == "empty file"


def test_a_list_names_images_relative_to_itself(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    shutil.copytree(pictures.images / "blue", folder / "blue")
    elsewhere = str(pictures.images / "red/03.png")
    (folder / "list.txt").write_text(f"blue/05.png\n\n{elsewhere}\nblue/none.png\n")
    done = predict_images(choose_model(trained()), str(folder / "list.txt"), str(tmp_path / "out.csv"))
    assert (done.predicted, done.unreadable) == (2, 1)
    assert [(row["image"], row["predicted"]) for row in rows(tmp_path / "out.csv")] == [
        ("blue/05.png", "blue"),
        (elsewhere, "red"),
        ("blue/none.png", ""),
    ]


def test_a_single_image(trained: Callable[..., str], pictures: Pictures, tmp_path: Path) -> None:
    image = str(pictures.images / "green/09.png")
    predict_images(choose_model(trained()), image, str(tmp_path / "out.csv"))
    assert [(row["image"], row["predicted"]) for row in rows(tmp_path / "out.csv")] == [(image, "green")]


def test_images_and_output_in_s3(trained: Callable[..., str], pictures: Pictures, tmp_path: Path, s3_root: str) -> None:
    from labelcycle.components.core.storage import open_store

    store = open_store(s3_root)
    for number in range(3):
        store.upload(pictures.images / f"red/0{number}.png", f"new/0{number}.png")
    chosen = choose_model(trained())
    assert predict_images(chosen, f"{s3_root}/new", f"{s3_root}/out/predictions.csv").predicted == 3
    lines = store.read("out/predictions.csv").decode().splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [[f"0{number}.png", "red"] for number in range(3)]


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ("nowhere", ConfigurationError, "is not a folder"),
        ("empty", InputError, r"holds no image \(.jpg"),
        ("table.csv", ConfigurationError, "neither a folder, nor an image"),
        ("none.txt", ConfigurationError, "There is no file"),
        ("empty.txt", InputError, "names no image"),
        ("latin.txt", InputError, "is not UTF-8"),
    ],
)
def test_images_that_are_not_there(
    trained: Callable[..., str], tmp_path: Path, images: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "table.csv").write_text("a,b\n")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9.png\n")
    with pytest.raises(error, match=message):
        predict_images(choose_model(trained()), str(tmp_path / images), str(tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("output", "message"), [("out.json", "neither CSV nor Parquet"), ("folder.csv", "is a folder")]
)
def test_outputs_that_cannot_be(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path, output: str, message: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigurationError, match=message):
        predict_images(choose_model(trained()), str(pictures.images), str(tmp_path / output))


def test_a_file_that_cannot_be_written_is_told(trained: Callable[..., str], pictures: Pictures, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TransientError, match="Cannot write"):
        predict_images(choose_model(trained()), str(pictures.images), str(tmp_path / "file/out.csv"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_interrupted_run_leaves_what_was_there(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    from labelcycle.pipelines.models import classify_images as images

    real, calls = images.decode_image, []

    def interrupted(data: bytes) -> Any:
        calls.append(data)
        if len(calls) > 30:
            raise KeyboardInterrupt
        return real(data)

    folder = tmp_path / "out"
    folder.mkdir()
    (folder / f"out.{ending}").write_text("yesterday's")
    chosen = choose_model(trained())
    monkeypatch.setattr(images, "decode_image", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predict_images(chosen, str(pictures.images), str(folder / f"out.{ending}"), batch_size=4)
    assert [path.read_text() for path in folder.iterdir()] == ["yesterday's"]


def test_memory_holds_a_few_batches_only(
    trained: Callable[..., str], pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No image is decoded long before its batch is written."""
    from labelcycle.pipelines.models import classify_images as images
    from labelcycle.pipelines.models import prediction_files

    decoded, ahead = [], []
    real_decode, real_write = images.decode_image, prediction_files._CsvFile.write

    def decode(data: bytes) -> Any:
        decoded.append(1)
        return real_decode(data)

    def write(self: Any, batch: Any) -> None:
        ahead.append(len(decoded))
        real_write(self, batch)

    monkeypatch.setattr(images, "decode_image", decode)
    monkeypatch.setattr(prediction_files._CsvFile, "write", write)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    predict_images(choose_model(trained()), str(pictures.images), str(tmp_path / "out.csv"), batch_size=2)
    assert max(seen - 2 * number for number, seen in enumerate(ahead)) <= 8


def test_embeddings(on_embeddings: str, embeddings: Path, tmp_path: Path) -> None:
    crown(on_embeddings)
    chosen = choose_model(on_embeddings)
    assert predict_embeddings(chosen, str(embeddings), str(tmp_path / "out.csv")).predicted == 60
    found = {row["image"]: row["predicted"] for row in rows(tmp_path / "out.csv")}
    content = np.load(embeddings)
    test = content["splits"] == "test"
    right = [found[name] == label for name, label in zip(content["ids"][test], content["labels"][test], strict=True)]
    assert float(np.mean(right)) == chosen.metrics.accuracy


def test_embeddings_need_no_torch(on_embeddings: str, embeddings: Path, tmp_path: Path) -> None:
    crown(on_embeddings)
    code = (
        "import sys; from labelcycle.pipelines.cli.predict import predict; "
        "predict(sys.argv[1], sys.argv[2], embeddings=sys.argv[3], images='', batch_size=64, top=1, "
        "probabilities=False, cycle=None, final=False); "
        "print({'torch', 'timm', 'mlflow'} & sys.modules.keys())"
    )
    out = str(tmp_path / "out.csv")
    run = subprocess.run(
        [sys.executable, "-c", code, on_embeddings, out, str(embeddings)], capture_output=True, text=True, timeout=120
    )
    assert run.stdout.endswith("set()\n"), run.stdout + run.stderr


def test_what_does_not_belong_to_the_model_is_refused(
    on_embeddings: str, trained: Callable[..., str], embeddings: Path, pictures: Pictures, tmp_path: Path
) -> None:
    out = str(tmp_path / "out.csv")
    with pytest.raises(ConfigurationError, match="started with embeddings.*--embeddings"):
        predict_images(choose_model(on_embeddings, cycle=1), str(pictures.images), out)
    with pytest.raises(ConfigurationError, match="started with images.*--images"):
        predict_embeddings(choose_model(trained()), str(embeddings), out)
    narrow = tmp_path / "narrow.npz"
    np.savez(narrow, ids=np.array(["a"]), features=np.zeros((1, 5), np.float32))
    with pytest.raises(InputError, match="vectors of 5 numbers, and the model takes 8"):
        predict_embeddings(choose_model(on_embeddings, cycle=1), str(narrow), out)
    assert not Path(out).exists()
