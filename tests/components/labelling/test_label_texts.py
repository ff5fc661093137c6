"""What stands in a label's place: classes, nothing, one class in two spellings, or several at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.label_file import read_label_file, read_votes_file
from labelcycle.components.labelling.label_spellings import difference, folded, likely_class
from labelcycle.components.labelling.sample_ids import SampleIds

IDS = SampleIds({f"{letter}.jpg": None for letter in "abcdef"})
NFD = "e\u0301"


def written(path: Path, *labels: Any) -> str:
    rows = [{"id": letter, "label": label} for letter, label in zip("abcdef", labels, strict=False)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def read(path: Path, labels: list[Any], classes: list[str] | None = None) -> list[str | None]:
    return [vote.label for vote in read_label_file(written(path, *labels), IDS, classes).values()]


@pytest.mark.parametrize("nothing", ["", "nan", "NaN", float("nan"), None, -1, "-1", -1.0, "-1,0", "?", "<NA>", "#N/A"])
def test_what_means_no_label(tmp_path: Path, nothing: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert read(tmp_path / "labels.jsonl", ["cat", nothing, "dog"]) == ["cat", "dog"]
    assert "labels.jsonl: 1 of 3 rows is not labelled: 1 " in capsys.readouterr().err
    assert read(tmp_path / "labels.jsonl", ["cat", nothing, "dog"], ["cat", "dog"]) == ["cat", "dog"]


@pytest.mark.parametrize("label", ["nan", "NaN", "-1", "?", "#N/A"])
def test_a_class_that_is_named_is_one(tmp_path: Path, label: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert read(tmp_path / "labels.jsonl", ["cat", label], ["cat", label]) == ["cat", label]
    assert not capsys.readouterr().err


def test_reasons_are_counted_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read(tmp_path / "labels.jsonl", ["cat", "?", "", "?", "dog"])
    assert capsys.readouterr().err.endswith(
        "labels.jsonl: 3 of 5 rows are not labelled: 2 '?', 1 empty. If that is a class, name it with --classes.\n"
    )


def test_a_file_that_grows_is_told_of_what_people_wrote_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read_votes_file(written(tmp_path / "labels.jsonl", "cat", "", ""), IDS, ["cat"])
    assert not capsys.readouterr().err
    read_votes_file(written(tmp_path / "labels.jsonl", "cat", "?", ""), IDS, ["cat"])
    assert "2 of 3 rows are not labelled: 1 '?', 1 empty" in capsys.readouterr().err


@pytest.mark.parametrize("label", ["c\x00at", "c\x1b[31mat", "two\nlines", "c\x7fat"])
def test_a_label_with_control_characters_is_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path / "labels.jsonl", ["dog", label])
    assert "labels.jsonl, row 2: the label " in str(refused.value)
    assert str(refused.value).endswith(" holds control characters or bytes that are not UTF-8. Write it without them.")


@pytest.mark.parametrize(
    ("one", "other", "how"),
    [
        ("cat", "Cat", "only in case"),
        ("polar bear", "polar  bear", "only in spaces"),
        ("polar bear", "polar\u00a0bear", "only in spaces"),
        ("é", NFD, "only in their Unicode form"),
        ("É", NFD, "only in case"),
        ("1", "1.0", "only in how the number is written"),
        ("2.50", "2.5", "only in how the number is written"),
    ],
)
def test_one_label_in_two_spellings(tmp_path: Path, one: str, other: str, how: str) -> None:
    path = tmp_path / "labels.jsonl"
    with pytest.raises(InputError) as refusal:
        read(path, [one, "dog", other])
    assert f"labels.jsonl, row 3: {other!r} and {one!r} ({path}, row 1) differ {how}. Write" in str(refusal.value)
    assert read(path, [one, "dog", other], [one, "dog", other]) == [one, "dog", other]
    with pytest.raises(InputError) as refusal:
        read(path, [one, "dog", other], [one, "dog"])
    assert f"row 3: {other!r} is not one of" in str(refusal.value)
    assert f"Write it as {one!r}: they differ {how}." in str(refusal.value)


def test_two_spellings_in_two_files(tmp_path: Path) -> None:
    (tmp_path / "answers").mkdir()
    written(tmp_path / "answers" / "1.jsonl", "cat", "dog")
    written(tmp_path / "answers" / "2.jsonl", "cat", "Dog")
    with pytest.raises(InputError, match=r"2.jsonl, row 2: 'Dog' and 'dog' \(.*1.jsonl, row 2\) differ only in case"):
        read_label_file(str(tmp_path / "answers"), IDS, None)


def test_labels_that_differ_in_more_are_two() -> None:
    for one, other in (("007", "7"), ("cat", "cats"), ("1", "1.01"), ("-1", "1"), ("a b", "ab")):
        assert folded(one) != folded(other)
    assert difference("Cat ", "cat") == "only in case and form"


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["1,5", "2", "-0,25"], ["1.5", "2", "-0.25"]),
        (["1,500", "2,000"], ["1,500", "2,000"]),
        (["1,5", "two"], ["1,5", "two"]),
    ],
    ids=["decimals", "thousands perhaps", "no numbers"],
)
def test_decimal_commas(tmp_path: Path, labels: list[str], found: list[str]) -> None:
    assert read(tmp_path / "labels.jsonl", labels) == found


def test_decimal_commas_where_classes_are_named(tmp_path: Path) -> None:
    assert read(tmp_path / "labels.jsonl", ["1,5", "2,5"], ["1.5", "2.5"]) == ["1.5", "2.5"]
    assert read(tmp_path / "labels.jsonl", ["1,5", "2,5"], ["1,5", "2,5"]) == ["1,5", "2,5"]


def test_commas_and_points_in_one_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2: '1,5' has a decimal comma and '2.5' a decimal point. Write one"):
        read(tmp_path / "labels.jsonl", ["2.5", "1,5"])


@pytest.mark.parametrize(
    "labels",
    [
        ["cat", "dog", "cat, dog"],
        ["cat|dog", "cat", "dog"],
        ["1", "5", "1,5"],
        ["a|b", "b|c", "c|a"],
        ["a", "b", "a/b"],
    ],
)
def test_several_labels_an_image(tmp_path: Path, labels: list[str]) -> None:
    with pytest.raises(InputError, match=r"row \d: '.*' lists 2 labels, but labelcycle is for one label an image"):
        read(tmp_path / "labels.jsonl", labels)
    assert read(tmp_path / "labels.jsonl", labels, labels) == labels


def test_a_label_with_a_comma_is_one(tmp_path: Path) -> None:
    assert read(tmp_path / "labels.jsonl", ["zero, or O", "one", "cat/dog"]) == ["zero, or O", "one", "cat/dog"]
    with pytest.raises(InputError, match="row 1: 'cat;dog' lists 2 labels"):
        read(tmp_path / "labels.jsonl", ["cat;dog"], ["cat", "dog"])


def test_lists_and_errors_of_spreadsheets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 1: 'label' is a list.*labelcycle is for one label an image"):
        read(tmp_path / "labels.jsonl", [["cat", "dog"]])
    with pytest.raises(InputError, match="row 2: #NAME[?] is an error of the spreadsheet. Correct the cell"):
        read(tmp_path / "labels.jsonl", ["cat", "#NAME?"])


@pytest.mark.parametrize("columns", ["xmin,ymin,xmax,ymax", "bbox", "segmentation", "EncodedPixels"])
def test_boxes_and_masks_in_tables(tmp_path: Path, columns: str) -> None:
    (tmp_path / "labels.csv").write_text(f"id,label,{columns}\na,cat{',1' * len(columns.split(','))}\n")
    with pytest.raises(
        InputError, match=r"says where in an image something is \(.*labelcycle is for one label an image"
    ):
        read_label_file(str(tmp_path / "labels.csv"), IDS, None)


@pytest.mark.parametrize(
    ("label", "classes", "said"),
    [
        ("0", [0, 1], " It is of type str, and the class 0 of type int. Give 0."),
        ("cafe\u0301", ["caf\u00e9"], " Did you mean 'caf\u00e9'? They differ only in their Unicode form."),
        ("Red ", ["red"], " Did you mean 'red'? They differ only in case and form."),
        ("rde", ["red", "blue"], " Did you mean 'red'?"),
        ("zebra", ["red", "blue"], ""),
    ],
)
def test_a_label_that_is_none_is_told_from_the_class_that_it_is_like(
    label: str, classes: list[object], said: str
) -> None:
    assert likely_class(label, classes) == said
