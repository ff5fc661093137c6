"""Label files: tables, captions, exports of Label Studio, and COCO classifications."""

import csv
import io
import json
from random import Random
from typing import Any

import pyarrow as pa

from labelcycle.components.core.campaign.vote_tables import votes_table
from labelcycle.components.core.storage.tables import table_bytes
from labelcycle.components.labelling.label_file import read_label_file, read_texts, read_votes_file
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.pipelines.label_page.answer_sheet import PersonsAnswer, read_sheet
from tests.harness.fuzz import parquet_mutation
from tests.harness.fuzz.json_mutation import json_lines_mutation, json_mutation
from tests.harness.fuzz.target import Target, file_reader

IDS = SampleIds({"a.png": "/data/a.png", "sub/b.png": "/data/sub/b.png", "c.png": "s3://bucket/c.png", "ä d": None})
COLUMNS = ("sample_id", "label", "annotator", "time", "status", "id", "image", "class")
ROWS = [
    {"sample_id": "a.png", "label": "cat", "annotator": "ann@example.org", "time": "2024-01-05", "status": "ok"},
    {"sample_id": "sub/b.png", "label": "", "annotator": "", "time": "", "status": "skip"},
    {"sample_id": "ä d", "label": "dög", "annotator": "bob", "time": "2024-01-05T10:00:00Z", "status": ""},
]


def _read_labels(path: str) -> None:
    """As ingest and as init do: with the classes known and not; what was read must be fit to be stored."""
    table_bytes(votes_table(read_votes_file(path, IDS, None)))
    read_label_file(path, IDS, None)
    read_votes_file(path, IDS, ["cat", "dög", "7"])


def _answer_on_the_page(data: bytes) -> None:
    """As the label page does with a query's CSV: what it writes it reads again, with the answer in it."""
    classes = ["cat", "dög", "7"]
    given = PersonsAnswer("cat", "ok", "ann", "2024-01-05T10:00:00+00:00")
    sheet = read_sheet(data, "query.csv", IDS.resolve, classes).with_answer("a.png", given)
    written = read_sheet(sheet.as_bytes(), "query.csv", IDS.resolve, classes)
    assert given in written.answers["a.png"] and written.answers == sheet.answers


def _read_captions(path: str) -> None:
    pa.array(list(read_texts(path, IDS, "caption").values()), pa.string())


def _csv(rows: list[dict[str, Any]], **options: Any) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), **options)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def csv_mutation(data: bytes, random: Random) -> bytes:
    """Cells and headers that few programs expect, quoted as CSV is."""
    rows = list(csv.reader(io.StringIO(data.decode(errors="replace"))))
    odd = [
        "",
        " ",
        "a\nb",
        'a"b',
        "a,b",
        "\x00",
        "\ufeff",
        "=1+1",
        "cat",
        "a.png",
        "./a.png",
        "../a.png",
        "x" * 140_000,
    ]
    for _ in range(random.choice((1, 2, 3))):
        row = random.choice(rows)
        kind = random.randrange(4)
        if kind == 0:
            row.append(random.choice(odd))
        elif kind == 1 and row:
            row.pop()
        elif row:
            row[random.randrange(len(row))] = random.choice([*odd, *COLUMNS])
    text = io.StringIO()
    csv.writer(text, quoting=random.choice((csv.QUOTE_ALL, csv.QUOTE_MINIMAL))).writerows(rows)
    return text.getvalue().encode()


def _json_lines(rows: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows) + b"\n"


def _choice(**annotation: Any) -> dict[str, Any]:
    result = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["cat"]}}
    return {"id": 3, "completed_by": 1, "updated_at": "2024-01-05T10:00:00.123Z", "result": [result]} | annotation


EXPORT = [
    {"id": 1, "data": {"sample_id": "a.png", "image": "/data/a.png"}, "annotations": [_choice()]},
    {
        "id": 2,
        "data": {"image": "/data/upload/3/0a1b2c3d-b.png"},
        "annotations": [_choice(completed_by={"id": 2, "email": "ann@example.org"}, was_cancelled=True)],
        "predictions": [],
    },
    {"id": 3, "data": {"image": "/data/local-files/?d=sub/b.png"}, "completions": []},
    {"id": 4, "data": {"photo": "s3://bucket/c.png"}, "annotations": [_choice(created_username="x ann@a.org, 1")]},
]
SMALL_EXPORT = [
    {"id": 1, "image": "http://host/a.png?x=1", "choice": "cat", "annotator": 1, "annotation_id": 5, "created_at": "x"},
    {"id": 2, "sample_id": "sub/b.png", "label": "dög", "annotator": "ann@example.org", "updated_at": "2024-01-05"},
    {"id": 3, "sample_id": "c.png", "doubt": "unsure", "lead_time": 0.5},
]
CLASSIFICATION = {
    "images": [{"id": 1, "file_name": "a.png"}, {"id": "2", "file_name": "b.png"}],
    "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dög"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]},
        {"id": 2, "image_id": "2", "category_id": 2, "annotator": "ann", "time": "now", "status": "ok"},
        {"id": 3, "image_id": "2", "category_id": 2, "annotator": "eve"},
        {"image_id": "2", "status": "skip", "annotator": "bob"},
    ],
}
CAPTIONS = [{"sample_id": "a.png", "caption": "a photo of a cat"}, {"sample_id": "b", "caption": ""}]


def _json(name: str, content: Any) -> Target:
    return Target(name, file_reader(_read_labels, ".json"), (json.dumps(content).encode(),), json_mutation())


TARGETS = [
    Target(
        "query-csv",
        _answer_on_the_page,
        (_csv(ROWS), b"sep=;\n" + _csv(ROWS, delimiter=";"), _csv(ROWS).decode().encode("utf-16")),
        csv_mutation,
    ),
    Target(
        "labels-csv", file_reader(_read_labels, ".csv"), (_csv(ROWS), _csv(ROWS, quoting=csv.QUOTE_ALL)), csv_mutation
    ),
    Target(
        "labels-csv-dialects",
        file_reader(_read_labels, ".csv"),
        (
            b"sep=;\n" + _csv(ROWS, delimiter=";"),
            _csv(ROWS, delimiter="\t").decode().encode("utf-16"),
            b"id,image,label\n1,/data/upload/1/0a1b2c3d-a.png,cat\n2,http://host/sub/b.png?x=1,-1\n",
            b'image_url;class\n?d=sub\\b.png;"7"\n/data/a.png;nan\n;\n',
        ),
    ),
    Target("labels-jsonl", file_reader(_read_labels, ".jsonl"), (_json_lines(ROWS),), json_lines_mutation),
    Target(
        "labels-parquet",
        file_reader(_read_labels, ".parquet"),
        (
            parquet_mutation.table_bytes(pa.Table.from_pylist(ROWS)),
            parquet_mutation.table_bytes(pa.Table.from_pylist(ROWS), compression="zstd", data_page_version="2.0"),
        ),
        parquet_mutation.parquet_mutation(COLUMNS),
    ),
    _json("label-studio-json", EXPORT),
    _json("label-studio-json-min", SMALL_EXPORT),
    _json("coco-json", CLASSIFICATION),
    Target("captions-csv", file_reader(_read_captions, ".csv"), (_csv(CAPTIONS),), csv_mutation),
    Target("captions-jsonl", file_reader(_read_captions, ".jsonl"), (_json_lines(CAPTIONS),), json_lines_mutation),
    Target(
        "captions-parquet",
        file_reader(_read_captions, ".parquet"),
        (parquet_mutation.table_bytes(pa.Table.from_pylist(CAPTIONS)),),
        parquet_mutation.parquet_mutation(("sample_id", "caption")),
    ),
]
