"""Tables in which several columns could name samples."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.label_file import read_label_file, read_texts
from labelcycle.components.labelling.sample_ids import SampleIds

IDS = SampleIds({f"{number}.png": f"/data/photos/{number}.png" for number in range(10)})


def labels(folder: Path, content: str, ids: SampleIds = IDS) -> dict[str, str | None]:
    (folder / "labels.csv").write_text(content)
    return {name: vote.label for name, vote in read_label_file(str(folder / "labels.csv"), ids, None).items()}


@pytest.mark.parametrize(
    "content",
    [
        "id,filename,label\n0,3.png,cat\n1,2.png,dog\n",
        "filename,label,id\n3.png,cat,0\n2.png,dog,1\n",
        "id,image,label\n1,/data/upload/1/0a1b2c3d-3.png,cat\n2,/data/upload/1/0a1b2c3d-2.png,dog\n",
        "id,image,label\n1,/data/local-files/?d=photos/3.png,cat\n2,http://host:8000/photos/2.png?signed=1,dog\n",
        "id,image_url,label\n1,http://host/photos/3.png,cat\n2,http://host/photos/2.png,dog\n",
        "image_id,path,label\n1,photos/3.png,cat\n2,photos\\2.png,dog\n",
        "sample_id,file,label\nx,3.png,cat\ny,2.png,dog\n",
        "sample_id,file,label\n3,3.png,cat\n2.png,somewhere/else.png,dog\n",
    ],
    ids=[
        "numbers first",
        "numbers last",
        "uploads to Label Studio",
        "links",
        "a further name",
        "backslashes",
        "names of another program",
        "one that knows fewer",
    ],
)
def test_the_column_that_names_images_counts(tmp_path: Path, content: str) -> None:
    assert labels(tmp_path, content) == {"3.png": "cat", "2.png": "dog"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "sample_id,image,label\n3,3.png,cat\n2,4.png,dog\n",
            r"labels.csv, row 3: sample_id '2' means the sample '2.png', but image '4.png' means '4.png'. Delete or",
        ),
        ("id,file,label\n3.png,4.png,cat\n", r"row 2: id '3.png' means the sample '3.png', but file '4.png' means"),
        ("id,file,label\n3,4,cat\n", r"row 2: id '3' means the sample '3.png', but file '4' means '4.png'"),
        ("id,filename,label\n0,3.png,cat\n1,99.png,dog\n", r"row 2: id '0' means the sample '0.png', but filename"),
    ],
)
def test_columns_that_disagree_are_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        labels(tmp_path, content)


def test_rows_that_say_nothing_may_disagree(tmp_path: Path) -> None:
    assert labels(tmp_path, "sample_id,image,label\n3,3.png,cat\n2,4.png,\n") == {"3.png": "cat"}


def test_numbers_that_are_ids_are_no_running_numbers(tmp_path: Path) -> None:
    ids = SampleIds({"0": "/data/x.png", "1": "/data/y.png"})
    assert labels(tmp_path, "id,filename,label\n0,x.png,cat\n1,y.png,dog\n", ids) == {"0": "cat", "1": "dog"}
    with pytest.raises(InputError, match="row 2: "):
        labels(tmp_path, "id,filename,label\n0,y.png,cat\n1,x.png,dog\n", ids)


def test_columns_that_are_not_needed_may_hold_anything(tmp_path: Path) -> None:
    pictures = pa.table({"id": ["3.png"], "label": ["cat"], "picture": [b"\xff\xd8"], "url": [{"of": "it"}]})
    pq.write_table(pictures, tmp_path / "labels.parquet")
    (tmp_path / "labels.jsonl").write_text('{"id": "3.png", "label": "cat", "url": ["a", "b"]}\n')
    for name in ("labels.parquet", "labels.jsonl"):
        assert read_label_file(str(tmp_path / name), IDS, None)["3.png"].label == "cat"
    assert labels(tmp_path, "file,url,url,label\n3.png,0.png,1.png,cat\n") == {"3.png": "cat"}


def test_captions_are_of_the_images_too(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text("id,filename,caption\n0,3.png,a cat\n")
    assert read_texts(str(tmp_path / "captions.csv"), IDS, "caption") == {"3.png": "a cat"}


def test_a_name_that_is_unknown_is_refused_with_one_that_is_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2: no sample, or more than one, is called 'val/9.png'; one is called"):
        labels(tmp_path, "file,label\nval/9.png,cat\n")
