"""The CSV of a query with one answer more, however spreadsheets have saved it in the meantime."""

import codecs

import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.pipelines.label_page.answer_sheet import AnswerSheet, PersonsAnswer, read_sheet

HEADER = "sample_id,uri,rank,predicted,reason,label,status\n"
PLAIN = f'{HEADER}a.png,/a.png,1,,"one, of two",,\nb.png,/b.png,2,,other,,\n'


def sheet_of(data: str | bytes, classes: tuple[str, ...] = ("cat", "dog")) -> AnswerSheet:
    content = data.encode() if isinstance(data, str) else data
    return read_sheet(content, "queries/cycle-0000.csv", lambda name: name.removeprefix("./"), classes)


def test_an_answer_changes_its_row_alone() -> None:
    sheet = sheet_of(PLAIN).with_answer("b.png", PersonsAnswer("cat", "ok", time="2026-01-01T00:00:00+00:00"))
    assert sheet.as_bytes().decode() == (
        f'{HEADER[:-1]},time\na.png,/a.png,1,,"one, of two",,,\nb.png,/b.png,2,,other,cat,,2026-01-01T00:00:00+00:00\n'
    )
    assert sheet_of(sheet.as_bytes()).answers == {
        "b.png": [PersonsAnswer("cat", "ok", "", "2026-01-01T00:00:00+00:00")]
    }


@pytest.mark.parametrize("status", ["skip", "unsure"])
def test_a_status_takes_the_place_of_a_label(status: str) -> None:
    sheet = (
        sheet_of(PLAIN).with_answer("a.png", PersonsAnswer("cat", "ok")).with_answer("a.png", PersonsAnswer("", status))
    )
    assert sheet_of(sheet.as_bytes()).answers == {"a.png": [PersonsAnswer("", status)]}


def test_an_answer_is_taken_back() -> None:
    sheet = sheet_of(PLAIN).with_answer("a.png", PersonsAnswer("cat", "ok", "mara", "now"))
    assert sheet.without_answer("a.png", "noor").answers == sheet.answers
    assert sheet.without_answer("a.png", "Mara").answers == {}


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE)]
)
@pytest.mark.parametrize("first", ["", "sep=;\n"])
def test_what_a_spreadsheet_made_of_it_stays(encoding: str, mark: bytes, first: str) -> None:
    text = f"{first}sample_id;note;label\nü.png;a,b;\n"
    sheet = sheet_of(mark + text.encode(encoding)).with_answer("ü.png", PersonsAnswer("dog", "ok"))
    written = sheet.as_bytes()
    assert written.startswith(mark)
    assert written[len(mark) :].decode(encoding) == f"{first}sample_id;note;label;status;time\nü.png;a,b;dog;;\n"
    assert sheet_of(written).answers == {"ü.png": [PersonsAnswer("dog", "ok")]}


def test_a_row_that_was_deleted_is_written_again() -> None:
    sheet = sheet_of(f"{HEADER}a.png,/a.png,1,,,,\n").with_answer("b.png", PersonsAnswer("dog", "ok"))
    assert sheet_of(sheet.as_bytes()).answers == {"b.png": [PersonsAnswer("dog", "ok")]}


def test_each_of_several_people_has_a_row() -> None:
    """Rows without a name are anybody's; the third person needs one more."""
    sheet = sheet_of("sample_id,label,status,annotator\na.png,,,\na.png,,,\n")
    for name, label in (("mara", "cat"), ("noor", "dog"), ("Mara", "dog"), ("kim", "cat")):
        sheet = sheet.with_answer("a.png", PersonsAnswer(label, "ok", name))
    given = [(answer.annotator, answer.label) for answer in sheet_of(sheet.as_bytes()).answers["a.png"]]
    assert given == [("Mara", "dog"), ("noor", "dog"), ("kim", "cat")]


def test_marks_of_a_missing_label_are_no_answers() -> None:
    text = "sample_id,label\na.png,?\nb.png,nan\nc.png,\n"
    assert sheet_of(text).answers == {}
    assert sheet_of(text, ("?", "cat")).answers == {"a.png": [PersonsAnswer("?", "ok")]}


def test_spaces_before_a_cell_in_quotes() -> None:
    text = 'sample_id, label\na.png, "cat, big"\n'
    assert sheet_of(text, ("cat, big", "dog")).answers == {"a.png": [PersonsAnswer("cat, big", "ok")]}


def test_ids_that_spreadsheets_would_compute() -> None:
    assert sheet_of("sample_id,label\n./=1.png,cat\n").answers == {"=1.png": [PersonsAnswer("cat", "ok")]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"name,label\na,b\n", "no column sample_id"),
        (b"sample_id,label\na,b,c\n", "3 cells"),
        (b"sample_id,label\n\xff,cat\n", "not UTF-8"),
        (b'sample_id,label\n"a,cat\n', "no CSV"),
    ],
)
def test_what_is_no_query_any_more(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        sheet_of(data)
