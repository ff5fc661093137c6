"""Excel's own files as label files; those that need openpyxl are skipped where it is not installed."""

import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.labelling.label_file import read_label_file
from labelcycle.components.labelling.sample_ids import SampleIds

IDS = SampleIds({"a.jpg": None, "b.jpg": None, "0012.jpg": None})


def labels(path: Path) -> dict[str, str | None]:
    return {name: vote.label for name, vote in read_label_file(str(path), IDS, None).items()}


def write(path: Path, *sheets: list[list[Any]]) -> Any:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if number == 0 else book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.save(path)
    return book


def test_without_openpyxl_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "labels.xlsx").write_bytes(b"PK")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(
        ConfigurationError, match=r"labels.xlsx is an Excel file.*Install labelcycle\[xlsx\], or save it"
    ):
        labels(tmp_path / "labels.xlsx")


def test_cells_are_what_a_csv_would_have(tmp_path: Path) -> None:
    rows = [
        [None],
        ["id", "label", "note"],
        ["a.jpg", 7, None],
        [],
        [None, " ", None],
        ["b.jpg", 1.5, date(2024, 1, 5)],
    ]
    write(tmp_path / "labels.xlsx", rows)
    assert labels(tmp_path / "labels.xlsx") == {"a.jpg": "7", "b.jpg": "1.5"}
    write(tmp_path / "labels.xlsx", [["id", "label"], ["a.jpg", True], ["b.jpg", "FALSE"]])
    assert labels(tmp_path / "labels.xlsx") == {"a.jpg": "TRUE", "b.jpg": "FALSE"}


def test_zeros_in_front_are_kept_where_the_format_shows_them(tmp_path: Path) -> None:
    book = write(tmp_path / "labels.xlsx", [["id", "label"], [12, "cat"]])
    book.active["A2"].number_format = "0000"
    book.save(tmp_path / "labels.xlsx")
    assert labels(tmp_path / "labels.xlsx") == {"0012.jpg": "cat"}


def test_the_sheet_with_the_columns_is_read(tmp_path: Path) -> None:
    write(tmp_path / "labels.xlsx", [["How to label"]], [["id", "label"], ["a.jpg", "cat"]], [])
    assert labels(tmp_path / "labels.xlsx") == {"a.jpg": "cat"}


@pytest.mark.parametrize(
    ("sheets", "message"),
    [
        (
            [[["id", "label"], ["a.jpg", date(2024, 3, 1)]]],
            "row 2: 'label' is a date, 2024-03-01.*Format the column as",
        ),
        ([[["id", "label"]], [["id", "label"]]], "the sheets 'Sheet' and 'Sheet1' have the same columns"),
        ([[["id", "label", "label"], ["a.jpg", "cat", "dog"]]], "more than one column 'label'"),
        (
            [[["id", "label"], ["a.jpg", "cat"], ["x.jpg", "cat"]]],
            "row 3: no sample, or more than one, is called 'x.jpg'",
        ),
        ([[["scan", "label"]]], "no column 'sample_id'"),
        ([[]], "cannot be read as xlsx: the file is empty"),
    ],
    ids=["a date", "two sheets", "two columns", "an unknown sample", "no id", "empty"],
)
def test_what_is_refused(tmp_path: Path, sheets: list[Any], message: str) -> None:
    write(tmp_path / "labels.xlsx", *sheets)
    with pytest.raises(InputError, match=message):
        labels(tmp_path / "labels.xlsx")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"sample_id,label\n"])
def test_what_is_no_excel_file(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("openpyxl")
    (tmp_path / "labels.xlsx").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as xlsx: it is no sound Excel file"):
        labels(tmp_path / "labels.xlsx")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.xlsx"
    write(path, [["id", "label"], ["a.jpg", "cat"]])
    data = path.read_bytes()
    for place in range(0, len(data), 97):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        try:
            found = labels(path)
        except InputError:
            continue
        assert found in ({"a.jpg": "cat"}, {})
