"""What annotations say, and which cannot be counted."""

from typing import Any

import pytest

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.label_studio.annotations import moment, read_annotation
from tests.harness.label_studio_api import chosen

CLASSES = ["cat", "dog"]


def annotation(*result: Any, **changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "result": list(result),
        "was_cancelled": False,
        "completed_by": 2,
        "created_username": " Ann Other ann@example.org, 2",
        "updated_at": "2026-01-02T03:04:05Z",
    } | changes


def test_a_choice() -> None:
    answer = read_annotation(annotation(chosen("cat")), "label", CLASSES)
    assert (answer.label, answer.status, answer.annotator) == ("cat", "ok", "ann@example.org")
    assert answer.time == "2026-01-02T03:04:05Z"


def test_skipped_and_unsure() -> None:
    assert read_annotation(annotation(chosen("cat"), was_cancelled=True), "label", CLASSES).status == "skip"
    doubt = read_annotation(annotation(chosen("cat"), chosen("unsure", "doubt")), "label", CLASSES)
    assert (doubt.status, doubt.label) == ("unsure", None)
    assert read_annotation(annotation(chosen("unsure")), "label", CLASSES).status == "unsure"
    assert read_annotation(annotation(chosen("unsure")), "label", ["unsure", "sure"]).label == "unsure"


@pytest.mark.parametrize(
    ("changes", "annotator"),
    [
        ({}, "ann@example.org"),
        ({"created_username": ""}, "user 2"),
        ({"created_username": "b@example.org, 3"}, "user 2"),
        ({"completed_by": {"id": 5, "email": "e@example.org"}}, "e@example.org"),
        ({"completed_by": {"id": 5}}, "user 5"),
        ({"completed_by": None}, ""),
    ],
)
def test_who_it_was(changes: dict[str, Any], annotator: str) -> None:
    assert read_annotation(annotation(chosen("cat"), **changes), "label", CLASSES).annotator == annotator


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (annotation(), "it is empty. Let ann@example.org choose"),
        (annotation({"from_name": "label", "type": "rectanglelabels", "value": {}}), "rectanglelabels but no choice"),
        (annotation({"from_name": "box", "type": "rectangle", "value": {}}), "it has rectangle but no choice"),
        (annotation(chosen("cat"), chosen("dog")), "several choices: 'cat', 'dog'"),
        (annotation(chosen("bird")), "'bird' is not one of the campaign's classes: cat, dog"),
        (annotation(chosen("cat", "other")), "it is empty"),
        (annotation("text"), "is not an object"),
        ({"id": 1}, "no list `result`"),
        ("text", "no list `result`"),
    ],
)
def test_what_cannot_be_counted(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_annotation(given, "label", CLASSES)


def test_other_controls_do_no_harm() -> None:
    comment = {"from_name": "comment", "type": "textarea", "value": {"text": ["nice"]}}
    assert read_annotation(annotation(comment, chosen("dog"), chosen("x", "other")), "label", CLASSES).label == "dog"


def test_later_is_later_with_and_without_fractions() -> None:
    early, late = annotation(chosen("cat"), updated_at="2026-01-02T03:04:05Z"), annotation(chosen("dog"))
    late["updated_at"] = "2026-01-02T03:04:05.100000Z"
    assert read_annotation(late, None, None).order > read_annotation(early, None, None).order
    assert moment("2026-01-02T04:00:00+01:00") == moment("2026-01-02T03:00:00") == moment("2026-01-02T03:00:00Z")
    assert moment("yesterday") < moment("0001-01-02T00:00:00Z")
