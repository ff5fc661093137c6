"""Label files: what is read from them, and how a wrong one is refused."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.label_file import read_label_file, read_texts, read_votes_file
from labelcycle.components.labelling.sample_ids import SampleIds

CLASSES = ["cat", "dog", "007", "7"]
IDS = SampleIds({"a.jpg": "/images/a.jpg", "sub/b.jpg": "/images/sub/b.jpg", "c.d.png": None, "1e3": None})


def read(path: Path, content: str | bytes, classes: list[str] | None = CLASSES) -> dict[str, Vote]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_label_file(str(path), IDS, classes)


def labels(answers: dict[str, Vote]) -> dict[str, str | None]:
    return {sample_id: answer.label for sample_id, answer in answers.items()}


def parquet(columns: dict[str, Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.csv", "sample_id,label,annotator,time\na.jpg,cat,ann,2024-01-05\nsub/b.jpg,dog,bob,\n"),
        ("LABELS.CSV", "sample_id,label,annotator,time\na.jpg,cat,ann,2024-01-05\nsub/b.jpg,dog,bob,\n"),
        (
            "labels.jsonl",
            '{"sample_id": "a.jpg", "label": "cat", "annotator": "ann", "time": "2024-01-05"}\n'
            '{"sample_id": "sub/b.jpg", "label": "dog", "annotator": "bob", "time": null}\n',
        ),
        (
            "labels.parquet",
            parquet(
                {
                    "sample_id": ["a.jpg", "sub/b.jpg"],
                    "label": pa.array(["cat", "dog"]).dictionary_encode(),
                    "annotator": ["ann", "bob"],
                    "time": ["2024-01-05", None],
                }
            ),
        ),
    ],
)
def test_three_formats_say_the_same(tmp_path: Path, name: str, content: str | bytes) -> None:
    uri = str(tmp_path / name)
    assert read(tmp_path / name, content) == {
        "a.jpg": Vote("a.jpg", "ann", "cat", "ok", "2024-01-05", uri),
        "sub/b.jpg": Vote("sub/b.jpg", "bob", "dog", "ok", "", uri),
    }


@pytest.mark.parametrize("identifier", ["sample_id", "id", "image", "filename", "file", "path"])
@pytest.mark.parametrize("label", ["label", "class"])
def test_column_names(tmp_path: Path, identifier: str, label: str) -> None:
    assert labels(read(tmp_path / "labels.csv", f"other,{label},{identifier}\nx,dog,a.jpg\n")) == {"a.jpg": "dog"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("\ufeffsample_id,label\na.jpg,cat\n", {"a.jpg": "cat"}),
        ("sample_id, label\r\n a.jpg , cat \r\n", {"a.jpg": "cat"}),
        (
            'sample_id,label,note\na.jpg,cat,"one, two\nthree ""four"""\nsub/b.jpg,dog,\n',
            {"a.jpg": "cat", "sub/b.jpg": "dog"},
        ),
        ('"sample_id","label"\n"a.jpg","cat"', {"a.jpg": "cat"}),
        ("sample_id,label\na.jpg,007\n1e3,7\n", {"a.jpg": "007", "1e3": "7"}),
        ("sample_id,label\n", {}),
        ("sample_id,label\na.jpg,\nsub/b.jpg,  \n", {}),
    ],
    ids=["byte order mark", "spaces", "quotes", "all quoted", "numbers are text", "header only", "blank labels"],
)
def test_csv_details(tmp_path: Path, content: str, expected: dict[str, str]) -> None:
    assert labels(read(tmp_path / "labels.csv", content)) == expected


@pytest.mark.parametrize("label", ["2024-01-05", "2024-01-05 10:00:00", "1.50", "null", "NaN", "True", "1e3"])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_labels_stay_the_text_that_was_written(tmp_path: Path, label: str, ending: str) -> None:
    content = {
        "csv": f"sample_id,label\na.jpg,{label}\n",
        "jsonl": json.dumps({"sample_id": "a.jpg", "label": label}),
        "parquet": parquet({"sample_id": ["a.jpg"], "label": [label]}),
    }[ending]
    assert labels(read(tmp_path / f"labels.{ending}", content, [label])) == {"a.jpg": label}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.jsonl", '{"sample_id": "a.jpg", "label": 7}\n{"sample_id": "sub/b.jpg", "label": "cat"}'),
        ("labels.parquet", parquet({"sample_id": ["a.jpg"], "label": [7]})),
    ],
)
def test_whole_numbers_become_text(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert read(tmp_path / name, content)["a.jpg"].label == "7"


def test_json_lines_may_leave_fields_out(tmp_path: Path) -> None:
    content = (
        '\ufeff{"sample_id": "a.jpg"}\n\n{"sample_id": "sub/b.jpg", "label": "dog"}\n{"id": "x", "sample_id": "1e3"}\n'
    )
    assert labels(read(tmp_path / "labels.jsonl", content)) == {"sub/b.jpg": "dog"}


@pytest.mark.parametrize(
    ("row", "label", "status"),
    [
        ("a.jpg,cat,", "cat", "ok"),
        ("a.jpg,cat,ok", "cat", "ok"),
        ("a.jpg,,skip", None, "skip"),
        ("a.jpg,,unsure", None, "unsure"),
        ("a.jpg,cat,unsure", None, "unsure"),
        ("a.jpg,no such class,skip", None, "skip"),
    ],
)
def test_statuses(tmp_path: Path, row: str, label: str | None, status: str) -> None:
    answer = read(tmp_path / "labels.csv", f"sample_id,label,status\n{row}\n")["a.jpg"]
    assert (answer.label, answer.status) == (label, status)


def test_without_classes_any_label_is_taken(tmp_path: Path) -> None:
    assert labels(read(tmp_path / "labels.csv", "sample_id,label\na.jpg,a new class\n", None)) == {
        "a.jpg": "a new class"
    }


def test_the_same_label_twice_is_one_answer(tmp_path: Path) -> None:
    content = "sample_id,label,annotator\na.jpg,cat,ann\na,cat,bob\na.jpg,,\n"
    path = tmp_path / "labels.csv"
    assert read(path, content) == {"a.jpg": Vote("a.jpg", "ann", "cat", "ok", "", str(path))}


def test_votes_are_kept_as_cast(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("id,label,annotator,status\na,cat,ann,\na,dog,bob,\na,dog,bob,\na,,cy,skip\nsub/b,,ann,unsure\n")
    assert read_votes_file(str(path), IDS, CLASSES) == [
        Vote("a.jpg", "ann", "cat", "ok", "", str(path)),
        Vote("a.jpg", "bob", "dog", "ok", "", str(path)),
        Vote("a.jpg", "cy", None, "skip", "", str(path)),
        Vote("sub/b.jpg", "ann", None, "unsure", "", str(path)),
    ]


def test_known_labels_are_those_of_the_majority(tmp_path: Path) -> None:
    content = "id,label,annotator\na,cat,ann\na,dog,bob\na,dog,cy\n1e3,7,ann\n"
    assert labels(read(tmp_path / "labels.csv", content)) == {"a.jpg": "dog", "1e3": "7"}
    with pytest.raises(InputError, match="people disagree on 'a.jpg': as many say 'cat' as 'dog'"):
        read(tmp_path / "labels.csv", "id,label,annotator\na,cat,ann\na,dog,bob\n")


def test_texts_need_a_table(tmp_path: Path) -> None:
    (tmp_path / "captions.json").write_text("[]")
    with pytest.raises(InputError, match=r"cannot read .json. Use .csv, .tsv, .jsonl, .parquet or .xlsx"):
        read_texts(str(tmp_path / "captions.json"), IDS, "caption")


@pytest.mark.parametrize(
    ("name", "content", "messages"),
    [
        ("labels.csv", "sample_id,label\na.jpg,cat\nx,dog\n", ["labels.csv, row 3", "'x'", "Correct the id"]),
        ("labels.csv", "sample_id,label\n\n\nx,dog\n", ["labels.csv, row 4", "'x'"]),
        ("labels.csv", 'sample_id,label,note\na,cat,"1\n2"\nx,dog,\n', ["labels.csv, row 3", "'x'"]),
        ("labels.csv", "sample_id,label\na.jpg,bird\n", ["row 2", "'bird'", "007, 7, cat, dog"]),
        ("labels.csv", "sample_id,label\n,cat\n", ["row 2", "sample id is empty"]),
        ("labels.csv", "sample_id,label,status\na.jpg,cat,done\n", ["row 2", "'done'", "ok, skip, unsure"]),
        ("labels.csv", "sample_id,label,status\na.jpg,,ok\n", ["row 2", "ok without a label", "set status to skip"]),
        (
            "labels.csv",
            "sample_id,label\na.jpg,cat\na,dog\n",
            ["row 3", "'dog' here", "'cat' in row 2", "Keep the one"],
        ),
        ("labels.csv", "sample_id,label,status\na,cat,\na,,skip\n", ["row 3", "'skip' here", "'cat' in row 2"]),
        ("labels.csv", "sample_id,text\na.jpg,cat\n", ["no column 'label' (or class)", "sample_id, text"]),
        ("labels.csv", "scan,label\na.jpg,cat\n", ["no column 'sample_id' (or id, image", "scan, label"]),
        ("labels.csv", "sample_id:label\na.jpg:cat\n", ["no column 'label'", "sample_id:label"]),
        ("labels.csv", "sample_id,label,label\na.jpg,cat,dog\n", ["more than one column 'label'"]),
        ("labels.csv", "sample_id,label\na.jpg,cat,dog\n", ["row 2 has 3 cells where the header has 2"]),
        ("labels.csv", "sample_id,label\na.jpg\n", ["row 2 has 1 cells where the header has 2"]),
        ("labels.csv", 'sample_id,label\n"a.jpg,cat\n', ["cannot be read as csv", "unexpected end of data"]),
        ("labels.csv", "", ["cannot be read as csv: the file is empty"]),
        ("labels.csv", "\n\n", ["cannot be read as csv: the file is empty"]),
        ("labels.csv", bytes(range(256)), ["cannot be read as csv"]),
        ("labels.csv", "sample_id,label\na.jpg,Bär\n".encode("latin-1"), ["cannot be read as csv", "utf-8"]),
        ("labels.csv", "sample_id,label\na.jpg,cat\n".encode("utf-16-le"), ["cannot be read as csv", "bytes of zero"]),
        (
            "labels.jsonl",
            '{"id": "a", "label": "cat"}\n\n{"id": "x", "label": "cat"}\n',
            ["labels.jsonl, row 3", "'x'"],
        ),
        ("labels.jsonl", '{"id": "a", "label": "cat"}\n{"id": \n', ["cannot be read as jsonl: row 2"]),
        (
            "labels.jsonl",
            '{"id": "a", "label": "cat"}\n["a", "cat"]\n',
            ["cannot be read as jsonl: row 2 is not an object"],
        ),
        ("labels.jsonl", '{"id": "a", "label": {"name": "cat"}}\n', ["row 1", "'label' is a list or an object"]),
        ("labels.jsonl", '{"id": "a"}\n', ["no column 'label'"]),
        ("labels.jsonl", "", ["cannot be read as jsonl: the file is empty"]),
        ("labels.jsonl", bytes(range(256)), ["cannot be read as jsonl"]),
        ("labels.parquet", parquet({"id": ["a", "x"], "label": ["cat", "cat"]}), ["labels.parquet, row 2", "'x'"]),
        ("labels.parquet", parquet({"id": ["a"]}), ["no column 'label'"]),
        ("labels.parquet", b"", ["cannot be read as parquet"]),
        ("labels.parquet", b"PAR1 nothing of the kind PAR1", ["cannot be read as parquet"]),
        ("labels.parquet", parquet({"id": ["a"], "label": ["cat"]})[:-6], ["cannot be read as parquet"]),
        ("labels.txt", "sample_id\tlabel\n", ["cannot read .txt. Use .csv, .tsv, .jsonl, .parquet, .xlsx or .json"]),
        ("labels", "sample_id,label\n", ["cannot read files without an ending"]),
    ],
)
def test_wrong_files_are_refused(tmp_path: Path, name: str, content: str | bytes, messages: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        read(tmp_path / name, content)
    for message in [str(tmp_path / name), *messages]:
        assert message in str(refusal.value)


@pytest.mark.parametrize("name", ["missing.csv", "missing/labels.csv", "folder.csv", "labels.txt/labels.csv"])
def test_missing_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match=f"There is no label file .*/{name}. Correct its name"):
        read_label_file(str(tmp_path / name), IDS, CLASSES)


def test_a_name_without_a_folder_is_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "labels.csv").write_text("id,label\na,cat\n")
    monkeypatch.chdir(tmp_path)
    assert labels(read_label_file("labels.csv", IDS, CLASSES)) == {"a.jpg": "cat"}


def test_a_file_at_the_root_of_the_file_system_is_not_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "labelcycle-test.csv").write_text("id,label\na,cat\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="There is no label file /labelcycle-test.csv"):
        read_label_file("/labelcycle-test.csv", IDS, CLASSES)


def test_file_uris(tmp_path: Path) -> None:
    (tmp_path / "my labels.csv").write_text("id,label\na,cat\n")
    assert labels(read_label_file(f"file://{tmp_path}/my%20labels.csv", IDS, CLASSES)) == {"a.jpg": "cat"}


def test_files_on_s3(s3_root: str) -> None:
    open_store(s3_root).write("labels.csv", b"id,label\na,cat\n")
    assert labels(read_label_file(f"{s3_root}/labels.csv", IDS, CLASSES)) == {"a.jpg": "cat"}
    with pytest.raises(InputError, match="There is no label file s3://"):
        read_label_file(f"{s3_root}/missing.csv", IDS, CLASSES)
    with pytest.raises(ConfigurationError, match="no bucket"):
        read_label_file("s3://there-is-no-such-bucket/labels.csv", IDS, CLASSES)


@pytest.mark.parametrize(
    ("name", "sample_id"),
    [
        ("a.jpg", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("a", "a.jpg"),
        ("/images/a.jpg", "a.jpg"),
        ("sub/b.jpg", "sub/b.jpg"),
        ("sub/b", "sub/b.jpg"),
        ("b.jpg", "sub/b.jpg"),
        ("b", "sub/b.jpg"),
        ("/images/sub/b.jpg", "sub/b.jpg"),
        ("c.d.png", "c.d.png"),
        ("c.d", "c.d.png"),
        ("c", None),
        ("images/a.jpg", "a.jpg"),
        ("pictures/a.jpg", None),
        ("A.JPG", None),
        ("", None),
    ],
)
def test_names_of_samples(name: str, sample_id: str | None) -> None:
    assert IDS.resolve(name) == sample_id


def test_paths_are_taken_from_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert SampleIds({"7": f"{tmp_path}/sub/a.jpg"}).resolve("sub/a.jpg") == "7"


def test_uris_on_s3_are_names() -> None:
    assert SampleIds({"a.jpg": "s3://bucket/images/a.jpg"}).resolve("s3://bucket/images/a.jpg") == "a.jpg"


def test_short_names_that_fit_more_than_one_sample_fit_none() -> None:
    ids = SampleIds({"x/a.jpg": None, "y/a.jpg": None, "z/a.png": None, "a": None})
    assert ids.resolve("a.jpg") is None
    assert ids.resolve("a.png") == "z/a.png"
    assert ids.resolve("x/a") == "x/a.jpg"
    assert ids.resolve("a") == "a"


def test_ids_that_are_no_file_names() -> None:
    assert SampleIds({".": None, "/": None, "a/..": None}).resolve("/") == "/"
