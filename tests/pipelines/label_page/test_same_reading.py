"""The page and label_ingest read the same from a query's CSV, whatever the page has written into it."""

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from labelcycle.components.labelling.label_file import read_votes_file
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.pipelines.label_page.answer_sheet import PersonsAnswer, read_sheet

SAMPLES = ["a.png", "b/ü c.png", "=1.png", "-2.png"]
CLASSES = ["cat", "dog, large", 'a "b"', "-1", "ü", "=x", "two\nlines", "?"]
NAMES = ["", "mara", "Noor K.", "-k"]

answers = st.tuples(
    st.sampled_from(SAMPLES),
    st.one_of(st.sampled_from(CLASSES).map(lambda name: (name, "ok")), st.sampled_from([("", "skip"), ("", "unsure")])),
    st.sampled_from(NAMES),
)


@settings(max_examples=60)
@given(
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    rows=st.lists(st.sampled_from(SAMPLES), min_size=1, max_size=6),
    given_answers=st.lists(answers, max_size=8),
)
def test_what_was_answered_is_what_is_read(
    separator: str, encoding: str, rows: list[str], given_answers: list[tuple[str, tuple[str, str], str]]
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerows([["sample_id", "reason", "label", "status"], *([name, 'a, "b"; c', "", ""] for name in rows)])
    ids = SampleIds(dict.fromkeys(SAMPLES, None))
    sheet = read_sheet(text.getvalue().encode(encoding), "query.csv", ids.resolve, CLASSES)
    expected = {}
    for sample_id, (label, status), name in given_answers:
        sheet = sheet.with_answer(sample_id, PersonsAnswer(label, status, name))
        sheet = read_sheet(sheet.as_bytes(), "query.csv", ids.resolve, CLASSES)
        expected[sample_id, name] = label or status
    assert {(sample, one.annotator): one.said for sample, found in sheet.answers.items() for one in found} == expected
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "query.csv"
        path.write_bytes(sheet.as_bytes())
        votes = read_votes_file(str(path), ids, CLASSES)
    assert {(vote.sample_id, vote.annotator): vote.label or vote.status for vote in votes} == expected
