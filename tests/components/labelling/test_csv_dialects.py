"""Label files of many programs: separators, encodings and blank rows; read to the same labels or refused."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.label_file import read_label_file, read_texts
from labelcycle.components.labelling.sample_ids import SampleIds

IDS = SampleIds({"a.jpg": "/images/a.jpg", "sub/b.jpg": "/images/sub/b.jpg"})
EXPECTED = {"a.jpg": "Bär", "sub/b.jpg": "dog"}


def labels(path: Path, content: str | bytes, classes: list[str] | None = None) -> dict[str, str | None]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return {name: vote.label for name, vote in read_label_file(str(path), IDS, classes).items()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_separators_and_encodings(tmp_path: Path, encoding: str, separator: str, line: str) -> None:
    rows = [["sample_id", "note", "label"], ["a.jpg", "one, two; three", "Bär"], ["sub/b.jpg", "", "dog"]]
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=line).writerows(rows)
    assert labels(tmp_path / "labels.csv", text.getvalue().encode(encoding)) == EXPECTED


@pytest.mark.parametrize(
    "content",
    [
        "\n\nsample_id,label\n\na.jpg,Bär\n,\n  ,  \nsub/b.jpg,dog\n,,,\n\n",
        "sep=;\nsample_id;label\na.jpg;Bär\nsub/b.jpg;dog\n",
        '"sep=;"\nsample_id;label\na.jpg;Bär\nsub/b.jpg;dog\n',
        'sample_id, label\na.jpg, "Bär"\nsub/b.jpg, dog\n',
        'sample_id,label,"id;image;label;file"\na.jpg,Bär,x\nsub/b.jpg,dog,x\n',
        "sample_id;label;rank,score,reason\na.jpg;Bär;1,5\nsub/b.jpg;dog;2,5\n",
    ],
    ids=["blank rows", "sep", "quoted sep", "space before quotes", "other separator in a name", "commas in cells"],
)
def test_what_else_programs_write(tmp_path: Path, content: str) -> None:
    assert labels(tmp_path / "labels.csv", content) == EXPECTED


def test_tabs_have_an_ending_of_their_own(tmp_path: Path) -> None:
    assert labels(tmp_path / "labels.tsv", "file\tlabel\na.jpg\tBär\nb.jpg\tdog\n") == EXPECTED


def test_json_lines_and_captions_in_other_encodings(tmp_path: Path) -> None:
    lines = '{"id": "a", "label": "Bär"}\n{"id": "b", "label": "dog"}\n'
    assert labels(tmp_path / "labels.jsonl", lines.encode("utf-16")) == EXPECTED
    (tmp_path / "captions.csv").write_bytes("id;caption\na;ein Bär\n".encode("utf-16"))
    assert read_texts(str(tmp_path / "captions.csv"), IDS, "caption") == {"a.jpg": "ein Bär"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "sample_id,label\nb.jpg,dog\na.jpg,Bär\n".encode("cp1252"),
            r"not utf-8: line 3 has the byte 0xe4, with which it would read 'a.jpg,Bär' in Windows-1252. Save it",
        ),
        (b"sample_id,label\na.jpg,B\x81r\n", r"line 2 has the byte 0x81. Save it as UTF-8"),
        ("sample_id,label\na.jpg,Bär\n".encode("utf-16-le"), r"bytes of zero.*Save it as UTF-8"),
        ("sample_id,label\na.jpg,Bär\n".encode("utf-32"), r"bytes of zero.*Save it as UTF-8"),
        ("sample_id,label\na.jpg,Bär\n".encode("utf-16")[:-1], r"begins as UTF-16 but is damaged. Save it as UTF-8"),
        ("sample_id,label\na.jpg;Bär\n", r"row 2 has 1 cells where the header has 2"),
    ],
    ids=["Windows-1252", "no text at all", "UTF-16 without mark", "UTF-32", "half a letter", "two separators"],
)
def test_what_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"labels.csv cannot be read as csv: .*{message}"):
        labels(tmp_path / "labels.csv", content)


NAMES = ["a.jpg", "b.jpg", "x/c.jpg", "x/d e.jpg", "ü/é;f,g.jpg", "7.jpg"]
POOL = SampleIds({name: f"/data/photos/{name}" for name in NAMES})
LETTERS = st.sampled_from([*"abcB01259 ,;|\t\"'.-+?#=/_äé日😀", "\n", "\u00a0", "\u0301"])
TEXTS = st.text(LETTERS, min_size=1, max_size=8).map(str.strip).filter(bool)


@dataclass(frozen=True)
class Dialect:
    separator: str
    quoting: Any
    line: str
    encoding: str
    named: bool
    blanks: int
    padding: str
    columns: tuple[str, ...]


DIALECTS = st.builds(
    Dialect,
    separator=st.sampled_from([",", ";", "\t"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]),
    named=st.booleans(),
    blanks=st.integers(0, 3),
    padding=st.sampled_from(["", " "]),
    columns=st.permutations(["filename", "label", "note"]).map(tuple),
)
WAYS = st.sampled_from(
    [
        lambda name: name,
        lambda name: f"./{name}",
        lambda name: f"photos/{name}",
        lambda name: f"/data/photos/{name}",
        lambda name: f"photos/{name}".replace("/", "\\"),
        lambda name: f"/data/local-files/?d=photos/{name.replace(';', '%3B')}",
    ]
)


def written(rows: list[dict[str, str]], dialect: Dialect) -> bytes:
    text = io.StringIO(newline="")
    if dialect.named:
        text.write(f"sep={dialect.separator}{dialect.line}")
    lines = any("\n" in cell for row in rows for cell in row.values())  # Python leaves some of these without quotes
    quoting = csv.QUOTE_ALL if lines else dialect.quoting
    writer = csv.writer(text, delimiter=dialect.separator, quoting=quoting, lineterminator=dialect.line)
    writer.writerow(dialect.columns)
    for number, row in enumerate(rows):
        writer.writerow([f"{row[name]}{dialect.padding}" for name in dialect.columns])
        if number < dialect.blanks:
            writer.writerow([""] * len(dialect.columns))
    try:
        return text.getvalue().encode(dialect.encoding)
    except UnicodeEncodeError:
        return text.getvalue().encode()


@settings(max_examples=400, deadline=None)
@given(
    dialect=DIALECTS,
    said=st.dictionaries(st.sampled_from(NAMES), TEXTS, min_size=1),
    ways=st.lists(WAYS, min_size=len(NAMES), max_size=len(NAMES)),
    note=st.text(LETTERS, max_size=6),
    named=st.booleans(),
)
def test_any_dialect_is_read_to_the_same_labels_or_refused(
    dialect: Dialect, said: dict[str, str], ways: list[Any], note: str, named: bool
) -> None:
    rows = [
        {"filename": way(name), "label": label, "note": note}
        for (name, label), way in zip(said.items(), ways, strict=False)
    ]
    classes = sorted(set(said.values())) if named else None
    with TemporaryDirectory() as folder:
        path = Path(folder, "labels.csv")
        path.write_bytes(written(rows, dialect))
        try:
            found = read_label_file(str(path), POOL, classes)
        except InputError as refusal:
            assert re.search(r"(row|line) \d|bytes of zero", str(refusal))
            readable = dialect.encoding in ("utf-8", "utf-8-sig", "utf-16")
            assert not (named and readable)
            return
    if named:
        assert {name: vote.label for name, vote in found.items()} == said
    for name, vote in found.items():
        assert vote.label in (said[name], said[name].replace(",", "."))
