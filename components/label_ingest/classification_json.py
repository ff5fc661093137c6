"""Classifications in the form of COCO's JSON: images, categories, and annotations that give an image a category.

Source: https://cocodataset.org/#format-data
"""

from collections.abc import Iterator
from typing import Any

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.votes import STATUSES, Status, Vote

PARTS = ("images", "annotations", "categories")

Placed = tuple[str, str, Vote]
"""Where in a file a vote stands, what the file calls the sample, and the vote."""


def is_classification(content: Any) -> bool:
    """Whether the content of a JSON file has COCO's form."""
    return isinstance(content, dict) and all(part in content for part in PARTS)


def votes_of_classification(content: Any, uri: str) -> Iterator[Placed]:
    """A vote an annotation, in the file's order. A sample is called by its image's `file_name`.

    An annotation may have `annotator`, `time` and `status` (ok, skip or unsure) beside COCO's fields; boxes and
    outlines are passed over.

    Args:
        content: what the JSON file holds.
        uri: the file, for messages.

    Raises:
        InputError: a part is missing, an annotation names an image or category that is not there, or two images or
            categories have the same number; the place and the remedy are named.
    """
    if not is_classification(content):
        raise InputError(f"{uri} has not all of {', '.join(PARTS)}. Export it in COCO's form.")
    images = _by_number(content["images"], "file_name", "image", uri)
    categories = _by_number(content["categories"], "name", "category", uri)
    for position, annotation in enumerate(_objects(content["annotations"], "annotations", uri), start=1):
        place = f"annotation {annotation.get('id', f'number {position}')}"
        name = _looked_up(images, annotation.get("image_id"), "image_id", "images", f"{uri}, {place}")
        status = _status(annotation, f"{uri}, {place}")
        label = None
        if status == "ok":
            label = _looked_up(
                categories, annotation.get("category_id"), "category_id", "categories", f"{uri}, {place}"
            )
        annotator, time = (str(annotation.get(field) or "") for field in ("annotator", "time"))
        yield place, name, Vote(name, annotator, label, status, time, uri)


def _objects(value: Any, part: str, uri: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError(f"{uri}: {part!r} is not a list of objects. Export it in COCO's form.")
    return value


def _by_number(value: Any, field: str, what: str, uri: str) -> dict[int | str, str]:
    part = {"image": "images", "category": "categories"}[what]
    found: dict[int | str, str] = {}
    for position, item in enumerate(_objects(value, part, uri), start=1):
        number, name = item.get("id"), item.get(field)
        if not isinstance(number, int | str) or not isinstance(name, str) or not name:
            raise InputError(f"{uri}: {what} number {position} lacks its 'id' or its {field!r}. Add them.")
        if number in found:
            raise InputError(f"{uri}: there is more than one {what} with the id {number!r}. Give each its own.")
        found[number] = name
    return found


def _looked_up(names: dict[int | str, str], number: Any, field: str, part: str, place: str) -> str:
    if not isinstance(number, int | str) or number not in names:
        raise InputError(f"{place}: {field} {number!r} is not among {part!r}. Add it there, or delete the annotation.")
    return names[number]


def _status(annotation: dict[str, Any], place: str) -> Status:
    given = annotation.get("status") or "ok"
    for status in STATUSES:
        if status == given and status != "withdrawn":
            return status
    raise InputError(f"{place}: status {given!r} is not one of ok, skip, unsure.")
