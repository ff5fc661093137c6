"""Label Studio's exports as votes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.image_names import name_of_image
from labelcycle.components.labelling.json_labels import votes_of_export
from tests.harness.label_studio_api import chosen

URI = "export.json"

FIELDS = st.sampled_from(
    [
        "id",
        "data",
        "annotations",
        "result",
        "value",
        "choices",
        "type",
        "from_name",
        "completed_by",
        "email",
        "updated_at",
    ]
    + ["was_cancelled", "sample_id", "image", "label", "annotator", "annotation_id", "doubt", "created_username"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["choices", "label", "cat", "unsure", ""]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(FIELDS, values, max_size=6),
    max_leaves=25,
)


def annotation(number: int, *result: Any, **changes: Any) -> dict[str, Any]:
    person = {"id": number, "result": list(result), "was_cancelled": False, "completed_by": 1}
    return person | {"updated_at": f"2026-01-02T03:04:{number:02d}Z"} | changes


def task(number: int, *annotations: Any, **data: Any) -> dict[str, Any]:
    return {"id": number, "data": data, "annotations": list(annotations), "predictions": [5], "drafts": [{"x": 1}]}


def said(content: Any) -> list[tuple[str, str, str, str]]:
    found = votes_of_export(content, URI)
    return [(place, name, vote.annotator, vote.label or vote.status) for place, name, vote in found]


def test_json() -> None:
    ann = {"id": 1, "email": "ann@example.org"}
    content = [
        task(
            1,
            annotation(10, chosen("cat"), completed_by=ann),
            annotation(11, chosen("dog"), completed_by=2),
            sample_id="a",
        ),
        task(2, annotation(12, was_cancelled=True), image="http://h/b.png"),
        task(3, annotation(13, chosen("unsure", "doubt")), image="/data/upload/1/0a1b2c3d-c.png"),
        task(4, sample_id="nobody yet"),
    ]
    assert said(content) == [
        ("task 1, annotation 10", "a", "ann@example.org", "cat"),
        ("task 1, annotation 11", "a", "user 2", "dog"),
        ("task 2, annotation 12", "b.png", "user 1", "skip"),
        ("task 3, annotation 13", "c.png", "user 1", "unsure"),
    ]
    (_, _, first), *_ = votes_of_export(content, URI)
    assert first == Vote("a", "ann@example.org", "cat", "ok", "2026-01-02T03:04:10Z", URI)


def test_the_last_of_one_person_counts_across_tasks() -> None:
    content = [
        task(1, annotation(20, chosen("cat")), annotation(10, chosen("dog")), sample_id="a"),
        task(2, annotation(15, chosen("dog")), sample_id="a"),
    ]
    assert said(content) == [("task 1, annotation 20", "a", "user 1", "cat")]


def test_an_answer_to_a_recheck_is_another_vote() -> None:
    def task(number: int, label: str, **data: Any) -> dict[str, Any]:
        annotation = {"id": number, "result": [chosen(label)], "completed_by": {"email": "ann@example.org"}}
        return {"id": number, "data": {"sample_id": "a.png", "cycle": 4, **data}, "annotations": [annotation]}

    votes = [vote for _, _, vote in votes_of_export([task(1, "cat"), task(2, "dog", recheck=1)], URI)]
    assert {vote.annotator: vote.label for vote in votes} == {
        "ann@example.org": "cat",
        "ann@example.org, cycle 4": "dog",
    }


def test_json_min() -> None:
    rows = [
        {
            "image": "http://h/a.png",
            "id": 1,
            "label": "cat",
            "annotator": 3,
            "annotation_id": 7,
            "updated_at": "2026-01-02",
        },
        {"sample_id": "b", "id": 2, "choice": "dog", "annotator": 3, "annotation_id": 8, "doubt": None},
        {"sample_id": "c", "id": 3, "doubt": "unsure", "annotator": 3, "annotation_id": 9},
    ]
    assert said(rows) == [
        ("task 1, annotation 7", "a.png", "user 3", "cat"),
        ("task 2, annotation 8", "b", "user 3", "dog"),
        ("task 3, annotation 9", "c", "user 3", "unsure"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"tasks": []}, "export.json is neither an export of Label Studio"),
        (["text"], "is neither an export"),
        ([task(1, annotation(2), sample_id="a")], "export.json, task 1, annotation 2: it is empty"),
        (
            [task(1, annotation(2, chosen("a"), chosen("b")), sample_id="a")],
            "several choices: 'a', 'b', but labelcycle is for one",
        ),
        ([task(1, "text", sample_id="a")], "task 1, annotation [?]: it has no list `result`"),
        ([task(1, annotation(2, chosen("a")), text="hello")], "task 1: it has neither a sample_id nor an image"),
        ([{"id": 1, "annotations": 3, "data": {}}], "`annotations` is not a list"),
        ([{"annotations": [annotation(2, chosen("a"))], "data": None}], "task number 1: it has neither"),
        ([{"id": 4, "sample_id": "a", "annotator": 1}], "task 4: it has no field label, choice or class"),
        ([{"id": 4, "sample_id": "a", "label": {"choices": ["a", "b"]}}], "task 4: it has several choices"),
        (
            [{"id": 4, "sample_id": "a", "label": [{"x": 1, "width": 9}]}],
            "it has boxes, masks or outlines, but labelcycle",
        ),
        (
            [task(1, annotation(2, {"type": "rectanglelabels", "from_name": "label", "value": {}}), sample_id="a")],
            "it has rectanglelabels but no choice, and labelcycle is for one label an image",
        ),
    ],
)
def test_what_is_refused(content: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        said(content)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://h:1/pool/ü%20b.png?X-Amz-Signature=1", "ü b.png"),
        ("s3://bucket/pool/cats/a.png", "s3://bucket/pool/cats/a.png"),
        ("/data/upload/3/0a1b2c3d-cat-1.png", "cat-1.png"),
        ("/data/other/0a1b2c3d-cat.png", "0a1b2c3d-cat.png"),
        ("/data/local-files/?d=pool/cats/a.png", "pool/cats/a.png"),
        ("a.png", "a.png"),
    ],
)
def test_what_a_sample_is_called(address: str, name: str) -> None:
    assert name_of_image(address) == name


def test_an_image_in_a_field_of_any_name() -> None:
    content = [task(1, annotation(2, chosen("cat")), note="see", scan="http://h/x/a.JPEG?size=1")]
    assert said(content)[0][1] == "a.JPEG"


@settings(max_examples=400, deadline=None)
@given(VALUES | st.lists(st.dictionaries(FIELDS, VALUES), max_size=3))
def test_whatever_the_file_holds_it_is_read_or_refused(content: Any) -> None:
    try:
        votes = list(votes_of_export(content, URI))
    except InputError as refusal:
        assert URI in str(refusal)
    else:
        assert all(isinstance(name, str) and isinstance(vote, Vote) for _, name, vote in votes)
