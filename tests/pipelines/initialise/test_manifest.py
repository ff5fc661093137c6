"""Manifests: tables that name images, their labels and splits, and those of SageMaker Ground Truth."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.pipelines.initialise.samples import Samples
from tests.pipelines.initialise.conftest import table

Lay = Callable[..., str]
Read = Callable[..., Samples]

NAMES = ("a.png", "b/c.png", "d.png")


def test_labels_and_splits_of_the_images_that_are_named(lay: Lay, read: Read) -> None:
    root = lay(*NAMES, "unnamed.png")
    rows = ["uri,label,split,width", "a.png,cat,train,8", f"{root}/b/c.png,dog,TEST,8", "./b/../d.png,nan,,8"]
    lay(others={"list.csv": "\n".join(rows).encode()})
    samples = read(f"{root}/list.csv")
    assert samples.uris == {name: f"{root}/{name}" for name in NAMES}
    assert samples.labels == {"a.png": "cat", "b/c.png": "dog"} and samples.splits == {"b/c.png": "test"}
    assert samples.labels_known and samples.reading is not None
    line = samples.reading.line
    assert "read 3 samples; 1 of the split test are the test set; train is the pool" in line
    assert "1 of 3 rows is not labelled: 1 'nan'" in line and "columns that are not read: 'width'" in line
    assert "the labels of 1 are known, since 1 more have none" in line


def test_images_may_lie_anywhere(tmp_path: Path, lay: Lay, read: Read) -> None:
    root = lay("a.png")
    (tmp_path / "list.jsonl").write_text(json.dumps({"file_name": f"{root}/a.png", "label": 3}))
    samples = read(tmp_path / "list.jsonl")
    assert samples.labels[f"{root}/a.png" if root.startswith("s3") else "campaign/a.png"] == "3"


def test_parquet_and_names_of_their_own(lay: Lay, read: Read) -> None:
    columns = {"sample_id": ["one", "two"], "image": ["a.png", "d.png"], "class": ["cat", "dog"], "hash": [b"a", b"b"]}
    root = lay(*NAMES, others={"list.parquet": table(columns)})
    samples = read(f"{root}/list.parquet")
    assert samples.labels == {"one": "cat", "two": "dog"} and samples.uris["two"] == f"{root}/d.png"


def test_missing_images_are_set_aside_by_row(lay: Lay, read: Read) -> None:
    root = lay(*NAMES, others={"list.csv": b"uri\na.png\ngone.png\nd.png\nd.png\n"})
    with pytest.raises(InputError, match=r"'gone.png': cannot be read: [nN]o such .* \(.*list.csv, row 3\)"):
        read(f"{root}/list.csv", max_unreadable=0)
    samples = read(f"{root}/list.csv", max_unreadable=0.5)
    assert [row["sample_id"] for row in samples.quarantined] == ["gone.png"] and samples.reading is not None
    assert f"set aside 1: cannot be read 1, first 'gone.png' ({root}/list.csv, row 3)" in samples.reading.line
    assert "passed over rows that repeat others: 1, first row 5" in samples.reading.line


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("uri,label\na.png,cat\na.png,dog", "row 3: 'a.png' is 'dog' here but 'cat' in row 2"),
        ("uri,split\na.png,\na.png,val\na.png,test", "row 4: 'a.png' is 'test' here but 'pool' in row 2"),
        ("uri,split\na.png,tset", "row 2: split 'tset' is not one of .* Did you mean 'test'"),
        ("uri,label,split\na.png,,test", "row 2: the test image 'a.png' has no label"),
        ("uri,label\n,cat", "row 2: the image's address is empty"),
        ("uri\nhttp://there/a.png", "row 2: .*http: is never fetched"),
        ("sample_id,uri\none,a.png\none,d.png", "row 3: 'one' names another image in row 2"),
        ("width,lable\n3,cat", "no column that says where the images are, such as uri; its columns are width, lable"),
        (
            ",".join([f"{number}{'x' * 50}" for number in range(14)]) + "\n" + "," * 13,
            r"its columns are 0x{39}…, (\d+x+…, ){10}11x{38}…, and 2 more\.$",
        ),
        ("uri", "names no image"),
    ],
)
def test_rows_that_are_refused(lay: Lay, read: Read, rows: str, message: str) -> None:
    root = lay(*NAMES, others={"list.csv": rows.encode()})
    with pytest.raises(InputError, match=message):
        read(f"{root}/list.csv")


def test_a_column_that_is_meant_otherwise_is_told(lay: Lay, read: Read) -> None:
    reading = read(lay("a.png", others={"list.csv": b"uri,lable\na.png,cat\n"}) + "/list.csv").reading
    assert reading is not None and "columns that are not read: 'lable' (did you mean 'label'?)" in reading.line


def test_flags_for_folders(lay: Lay, read: Read) -> None:
    source = lay("a.png", others={"list.csv": b"uri\na.png\n"}) + "/list.csv"
    for flag in ("folder_labels", "follow_links"):
        with pytest.raises(ConfigurationError, match=f"--{flag.replace('_', '-')} is about folders of image files"):
            read(source, **{flag: True})


def line(name: str, **more: object) -> str:
    return json.dumps({"source-ref": name, **more}) + "\n"


def job(label: str | None, kind: str = "image-classification") -> dict[str, object]:
    found = {"class-name": label} if label else {"failure-reason": "nobody agreed"} if label == "" else {}
    return {"species": 0, "species-metadata": {**found, "type": f"groundtruth/{kind}", "confidence": 0.9}}


@pytest.mark.parametrize("name", ["output.manifest", "output.jsonl"])
def test_ground_truth(lay: Lay, read: Read, name: str) -> None:
    rows = line("a.png", **job("cat")) + "\n" + line("b/c.png", **job("")) + line("d.png")
    root = lay(*NAMES, others={name: rows.encode()})
    samples = read(f"{root}/{name}")
    assert samples.labels == {"a.png": "cat"} and len(samples.uris) == 3 and samples.labels_known


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (line("a.png", **job(None, "object-detection")), "row 1: the job 'species' is of object-detection, but"),
        (
            line("a.png", **job("cat")) + line("d.png", **{"age-metadata": {"class-name": "old"}}),
            "row 2: labels of the",
        ),
        ('{"source": "some text"}', "row 1 is not an object with an image"),
        ("[]", "row 1 is not an object with an image"),
        ("{", "row 1: "),
    ],
)
def test_ground_truth_that_is_refused(lay: Lay, read: Read, rows: str, message: str) -> None:
    root = lay(*NAMES, others={"output.manifest": rows.encode()})
    with pytest.raises(InputError, match=message):
        read(f"{root}/output.manifest")
