"""Many small label files are read as one source: the same votes, in the order of their names, errors with the file."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.label_file import read_label_file, read_votes_file
from labelcycle.components.labelling.sample_ids import SampleIds

CLASSES = ["cat", "dog"]
NAMES = [f"{number:03d}.jpg" for number in range(90)]
IDS = SampleIds(dict.fromkeys(NAMES))


def rows() -> list[tuple[str, str, str]]:
    return [(name, CLASSES[number % 2], f"person {number % 3}") for number, name in enumerate(NAMES)]


def as_csv(some: list[tuple[str, str, str]]) -> bytes:
    return "".join(["sample_id,label,annotator\n", *(",".join(row) + "\n" for row in some)]).encode()


def as_json_lines(some: list[tuple[str, str, str]]) -> bytes:
    columns = ("sample_id", "label", "annotator")
    return "".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in some).encode()


def as_parquet(some: list[tuple[str, str, str]]) -> bytes:
    sink = pa.BufferOutputStream()
    columns = zip(("sample_id", "label", "annotator"), zip(*some, strict=True), strict=True)
    pq.write_table(pa.table({name: list(cells) for name, cells in columns}), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


WRITERS = {".csv": as_csv, ".jsonl": as_json_lines, ".PARQUET": as_parquet}


def write_many(root: str) -> None:
    """The rows three by three, in files of all kinds, some in folders below."""
    store = open_store(root)
    for start in range(0, len(NAMES), 3):
        ending = list(WRITERS)[start % 9 // 3]
        folder = "first/" if start < 30 else "second/below/" if start < 60 else "third"
        store.write(f"{folder}{start:03d}{ending}", WRITERS[ending](rows()[start : start + 3]))


def without_source(votes: list[Vote]) -> list[tuple[str, str, str | None]]:
    return [(vote.sample_id, vote.annotator, vote.label) for vote in votes]


@pytest.mark.parametrize("slash", ["", "/"])
def test_many_files_equal_one(store_root: str, tmp_path: Path, slash: str) -> None:
    write_many(f"{store_root}/answers")
    (tmp_path / "one.csv").write_bytes(as_csv(rows()))
    many = read_votes_file(f"{store_root}/answers{slash}", IDS, CLASSES)
    assert without_source(many) == without_source(read_votes_file(str(tmp_path / "one.csv"), IDS, CLASSES))
    assert {vote.source for vote in many} == {f"{store_root}/answers{slash}"}


def test_other_files_are_left_alone(store_root: str) -> None:
    store = open_store(f"{store_root}/answers")
    store.write("a.csv", as_csv(rows()[:1]))
    for name in ("README.md", ".hidden.csv", "_temporary/0/a.csv", "sub/.partial/a.csv", "labels"):
        store.write(name, b"no labels")
    assert [vote.sample_id for vote in read_votes_file(f"{store_root}/answers", IDS, CLASSES)] == NAMES[:1]


def test_an_error_names_the_file_and_the_row(store_root: str) -> None:
    write_many(f"{store_root}/answers")
    open_store(f"{store_root}/answers").write("second/zz.csv", as_csv([rows()[0], ("000.jpg", "bird", "ann")]))
    with pytest.raises(InputError, match=f"{store_root}/answers/second/zz.csv, row 3: 'bird' is not one of"):
        read_votes_file(f"{store_root}/answers", IDS, CLASSES)


def test_a_damaged_file_is_named(store_root: str) -> None:
    write_many(f"{store_root}/answers")
    open_store(f"{store_root}/answers").write("second/zz.parquet", b"PAR1 and nothing else")
    with pytest.raises(InputError, match=f"{store_root}/answers/second/zz.parquet cannot be read as parquet"):
        read_votes_file(f"{store_root}/answers", IDS, CLASSES)


def test_two_answers_of_one_person_in_two_files_are_refused_with_both_places(store_root: str) -> None:
    store = open_store(f"{store_root}/answers")
    store.write("a.csv", as_csv([("001.jpg", "cat", "ann"), ("000.jpg", "cat", "ann")]))
    store.write("b.jsonl", as_json_lines([("000.jpg", "dog", "ann")]))
    places = (
        f"{store_root}/answers/b.jsonl, row 1: '000.jpg' is 'dog' here but 'cat' in {store_root}/answers/a.csv, row 3"
    )
    with pytest.raises(InputError, match=places):
        read_votes_file(f"{store_root}/answers", IDS, CLASSES)


def test_a_majority_over_files(store_root: str) -> None:
    store = open_store(f"{store_root}/answers")
    for person, label in (("ann", "cat"), ("bob", "dog"), ("cem", "dog")):
        store.write(f"{person}.csv", as_csv([("000.jpg", label, person)]))
    assert read_label_file(f"{store_root}/answers", IDS, CLASSES)["000.jpg"].label == "dog"


def test_a_folder_without_label_files(store_root: str) -> None:
    open_store(f"{store_root}/answers").write("README.md", b"")
    with pytest.raises(InputError, match="There is no label file .*/answers. Correct its name; if it is a folder"):
        read_votes_file(f"{store_root}/answers", IDS, CLASSES)


def test_a_folder_uri(tmp_path: Path) -> None:
    write_many(str(tmp_path / "my answers"))
    assert len(read_votes_file(f"file://{tmp_path}/my%20answers", IDS, CLASSES)) == len(NAMES)
