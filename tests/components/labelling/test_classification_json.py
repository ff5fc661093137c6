"""Classifications in COCO's form as votes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.json_labels import is_classification, votes_of_classification

URI = "coco.json"

PARTS = st.sampled_from(["images", "annotations", "categories", "info"])
FIELDS = st.sampled_from(["id", "file_name", "name", "image_id", "category_id", "annotator", "time", "status"])
NUMBERS = st.none() | st.booleans() | st.integers(0, 3) | st.floats() | st.sampled_from(["cat", "ok", "skip", ""])
ROWS = st.lists(st.dictionaries(FIELDS, NUMBERS | st.lists(NUMBERS, max_size=2), max_size=6) | NUMBERS, max_size=4)


def content(**changes: Any) -> dict[str, Any]:
    return {
        "info": {},
        "images": [{"id": 1, "file_name": "cats/a.png"}, {"id": 2, "file_name": "b.png", "width": 3}],
        "categories": [{"id": 7, "name": "cat"}, {"id": 8, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1]},
            {"id": 2, "image_id": 2, "category_id": 8, "annotator": "ann", "time": "2026-01-02"},
            {"image_id": 2, "status": "skip", "annotator": "bob"},
        ],
    } | changes


def test_annotations_are_votes() -> None:
    assert list(votes_of_classification(content(), URI)) == [
        ("annotation 1", "cats/a.png", Vote("cats/a.png", "", "cat", "ok", "", URI)),
        ("annotation 2", "b.png", Vote("b.png", "ann", "dog", "ok", "2026-01-02", URI)),
        ("annotation number 3", "b.png", Vote("b.png", "bob", None, "skip", "", URI)),
    ]


def test_how_it_is_told_from_other_files() -> None:
    assert is_classification(content())
    assert not is_classification([]) and not is_classification({"images": []})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": 3}, "coco.json: 'images' is not a list of objects"),
        ({"annotations": ["x"]}, "'annotations' is not a list of objects"),
        ({"images": [{"id": 1}]}, "image number 1 lacks its 'id' or its 'file_name'"),
        ({"categories": [{"name": "cat"}]}, "category number 1 lacks its 'id' or its 'name'"),
        ({"categories": [{"id": 7, "name": "cat"}, {"id": 7, "name": "dog"}]}, "more than one category with the id 7"),
        (
            {"annotations": [{"id": 9, "image_id": 5, "category_id": 7}]},
            "annotation 9: image_id 5 is not among 'images'",
        ),
        (
            {"annotations": [{"id": 9, "image_id": 1, "category_id": [7]}]},
            r"category_id \[7\] is not among 'categories'",
        ),
        ({"annotations": [{"id": 9, "image_id": 1, "category_id": 7, "status": "withdrawn"}]}, "status 'withdrawn'"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(votes_of_classification(content(**changes), URI))


@pytest.mark.parametrize(
    ("annotation", "part"),
    [
        ({"bbox": [3, 4, 10, 10]}, "bbox"),
        ({"bbox": [0, 0, 10, 10]}, "bbox"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6]]}, "segmentation"),
        ({"segmentation": {"counts": "abc", "size": [30, 20]}, "bbox": [0, 0, 30, 20]}, "segmentation"),
    ],
)
def test_boxes_and_masks_are_refused(annotation: dict[str, Any], part: str) -> None:
    image = {"id": 1, "file_name": "a.png", "width": 30, "height": 20}
    there = content(images=[image], annotations=[{"id": 9, "image_id": 1, "category_id": 7} | annotation])
    message = (
        rf"coco.json, annotation 9 is about a part of the image \({part}\), but labelcycle is for one label an image"
    )
    with pytest.raises(InputError, match=message):
        list(votes_of_classification(there, URI))


@pytest.mark.parametrize(
    "annotation", [{"bbox": [0, 0, 30, 20]}, {"bbox": [0, 0, 1, 1]}, {"bbox": [0, 0, 0, 0]}, {"segmentation": []}]
)
def test_boxes_around_the_whole_image_are_passed_over(annotation: dict[str, Any]) -> None:
    image = {"id": 1, "file_name": "a.png", "width": 30, "height": 20}
    there = content(images=[image], annotations=[{"image_id": 1, "category_id": 7} | annotation])
    assert [vote.label for _, _, vote in votes_of_classification(there, URI)] == ["cat"]


def test_a_part_that_is_missing() -> None:
    with pytest.raises(InputError, match="does not have all of images, annotations, categories"):
        list(votes_of_classification({"images": []}, URI))


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(PARTS, ROWS | NUMBERS))
def test_whatever_the_file_holds_it_is_read_or_refused(content: Any) -> None:
    try:
        votes = list(votes_of_classification(content, URI))
    except InputError as refusal:
        assert URI in str(refusal)
    else:
        assert all(isinstance(name, str) and isinstance(vote, Vote) for _, name, vote in votes)
