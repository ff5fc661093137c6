"""Folders of images as classes, and train, val and test above them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.campaign.pool import load_pool, load_truth
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.initialise.samples import Samples

Lay = Callable[..., str]
Read = Callable[..., Samples]


def test_every_folder_is_a_class_and_plays_the_annotator(lay: Lay, read: Read) -> None:
    samples = read(lay("cat/a.png", "cat/2020/b.png", "dog/a.png", "c.png"), folder_labels=True)
    assert samples.labels == {"cat/2020/b.png": "cat", "cat/a.png": "cat", "dog/a.png": "dog"}
    assert list(samples.uris) == list(samples.labels) and not samples.labels_known
    assert samples.reading is not None
    line = samples.reading.line
    assert "read 3 samples; 2 classes by folders: cat 2, dog 1" in line
    assert "1 in folders below those of their classes" in line and "these play the annotator" in line
    assert "1 in no class's folder left out, such as 'c.png'" in line


@pytest.mark.parametrize("name", ["unlabelled", "Unlabeled"])
def test_beside_unlabelled_images_labels_are_known(lay: Lay, read: Read, name: str) -> None:
    samples = read(lay("cat/a.png", "dog/a.png", f"{name}/x/b.png", "c.png"), folder_labels=True)
    assert samples.labels == {"cat/a.png": "cat", "dog/a.png": "dog"} and samples.labels_known
    assert len(samples.uris) == 4
    assert samples.reading is not None
    assert "2 without a label; the labels of 2 are known, since 2 more have none" in samples.reading.line


def test_splits_above_the_classes(lay: Lay, read: Read) -> None:
    names = ["train/cat/a.png", "train/dog/b.png", "Val/cat/c.png", "test/dog/d.png", "test/loose.png"]
    samples = read(lay(*names), folder_labels=True)
    assert samples.splits == {"test/dog/d.png": "test"}
    assert samples.labels["Val/cat/c.png"] == "cat" and "test/loose.png" not in samples.uris
    assert samples.reading is not None
    assert "Val and train are the pool; 1 in the folder test are the test set" in samples.reading.line


def test_a_class_may_be_called_train(lay: Lay, read: Read) -> None:
    samples = read(lay("train/a.png", "bus/b.png"), folder_labels=True)
    assert samples.labels == {"train/a.png": "train", "bus/b.png": "bus"} and not samples.splits
    samples = read(lay("bus/c/d.png", "train/b/c.png"), folder_labels=True)
    assert samples.labels["train/b/c.png"] == "train" and not samples.splits


def test_folders_without_an_image_are_told(tmp_path: Path, read: Read, write: Callable[[str, bytes], Path]) -> None:
    from tests.pipelines.initialise.conftest import picture

    for number, name in enumerate(("cat/a.png", "dog/a.png")):
        write(f"photos/{name}", picture(number))
    (tmp_path / "photos" / "owl").mkdir()
    reading = read(tmp_path / "photos", folder_labels=True).reading
    assert reading is not None and "no image in owl" in reading.line


def test_what_is_refused(lay: Lay, read: Read) -> None:
    with pytest.raises(InputError, match="no image lies in a folder of its class"):
        read(lay("a.png"), folder_labels=True)
    root = lay("data/cat/b.png", "data/dog/c.png")
    with pytest.raises(InputError, match=rf"of its own: cat, dog. If those are the classes, give --images {root}/data"):
        read(root, folder_labels=True)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train/a.png", "test/b.png"], "test and train hold images but no folders of classes"),
        (["train/cat/a.png", "train/dog/b.png", "cat/c.png", "dog/d.png"], "cat, dog are there beside train and in it"),
        (["train/a.png", "test/cat/b.png", "test/dog/c.png"], "to be labelled into a folder train/unlabelled"),
        ([" cat/a.png", "dog/b.png"], "the name of the folder ' cat' begins or ends with a space"),
        (["cat /a.png", "dog/b.png"], "the name of the folder 'cat ' begins or ends with a space"),
    ],
    ids=["no classes", "classes beside", "only test", "space before", "space behind"],
)
def test_folders_that_are_refused(lay: Lay, read: Read, names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(lay(*names), folder_labels=True)


def test_names_that_could_be_misread_are_quoted(lay: Lay, read: Read) -> None:
    reading = read(lay("6/a.png", "drei, 3/b.png", "big_cat/c.png"), folder_labels=True).reading
    assert reading is not None and "3 classes by folders: '6' 1, big_cat 1, 'drei, 3' 1" in reading.line


def test_classes_of_test_images_alone_are_not_counted(lay: Lay, read: Read) -> None:
    reading = read(lay("train/unlabelled/a.png", "test/cat/b.png", "test/dog/c.png"), folder_labels=True).reading
    assert reading is not None and "read 3 samples; train is the pool; 2 in the folder test" in reading.line


def test_a_campaign_trains_first_where_labels_are_known(
    begin: Callable[..., Any], pictures: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = Path(shutil.copytree(pictures.images, tmp_path / "images"))
    (images / "unlabelled").mkdir()
    for path in [*images.glob("*/1*.png")]:
        path.rename(images / "unlabelled" / f"{path.parent.name}-{path.name}")
    campaign = begin(images=str(images), folder_labels=True, batch=8, budget=8)
    ingested = campaign.ingest()
    assert ingested.decision == "train" and ingested.reason.startswith("27 labels were known")
    assert campaign.state.campaign.labels_from is None
    assert "the labels of 30 are known, since 30 more have none" in capsys.readouterr().err
    with pytest.raises(ConfigurationError, match="leave nothing of --budget 8"):
        begin(str(tmp_path / "b"), images=str(images), folder_labels=True, batch=8, budget=8, count_known=True)


def test_a_campaign_whose_folders_play_the_annotator(begin: Callable[..., Any], pictures: Any, tmp_path: Path) -> None:
    images = tmp_path / "images"
    for split, numbers in (("train", "1"), ("test", "0")):
        for name in ("blue", "green", "red"):
            (images / split / name).mkdir(parents=True)
            for path in sorted((pictures.images / name).glob(f"{numbers}*.png"))[:4]:
                shutil.copyfile(path, images / split / name / path.name)
    campaign = begin(images=str(images), folder_labels=True, batch=3, budget=6)
    assert campaign.ingest().decision == "cold_start"
    described = campaign.state.campaign
    assert described.labels_from.startswith("oracle/")
    store = open_store(campaign.root)
    assert sorted(load_truth(store, described)) == [
        name for name in load_pool(store, described)["sample_id"].to_pylist() if name.startswith("test/")
    ]
    for other in ({"labels_from": str(pictures.labels)}, {"label_studio": "http://127.0.0.1:9"}):
        with pytest.raises(ConfigurationError, match=r"play the annotator. Leave --label"):
            begin(str(tmp_path / "other"), images=str(images), folder_labels=True, **other)
    with pytest.raises(ConfigurationError, match="--folder-labels is about folders of images"):
        begin(str(tmp_path / "vectors"), folder_labels=True)
