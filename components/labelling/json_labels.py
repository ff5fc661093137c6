"""Labels in JSON: COCO's classifications and Label Studio's exports (JSON and JSON_MIN), as votes.

Source: https://cocodataset.org/#format-data, https://labelstud.io/guide/export
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from labelcycle.components.core.campaign.rechecks import answer_name
from labelcycle.components.core.campaign.votes import STATUSES, Status, Vote
from labelcycle.components.core.errors import InputError
from labelcycle.components.core.images.endings import ALL_ENDINGS
from labelcycle.components.labelling.image_names import name_of_image
from labelcycle.components.labelling.label_spellings import ONE_LABEL
from labelcycle.components.labelling.label_studio.annotations import (
    Answer,
    annotator_of,
    moment,
    read_annotation,
    recheck_of,
)
from labelcycle.components.labelling.label_studio.project import DOUBT, UNSURE

PARTS = ("images", "annotations", "categories")

Placed = tuple[str, str, Vote]
"""Where in a file a vote stands, what the file calls the sample, and the vote."""


def is_classification(content: Any) -> bool:
    """Whether the content of a JSON file has COCO's form."""
    return isinstance(content, dict) and all(part in content for part in PARTS)


def votes_of_classification(content: Any, uri: str) -> Iterator[Placed]:
    """A vote an annotation, in the file's order. A sample is called by its image's `file_name`.

    An annotation may have `annotator`, `time` and `status` (ok, skip or unsure) beside COCO's fields. A box as large as
    the image is passed over.

    Args:
        content: what the JSON file holds.
        uri: the file, for messages.

    Raises:
        InputError: a part is missing, an annotation names an image or category that is not there, or has a part of the
            image only, or two images or categories have the same number; the place and the remedy are named.
    """
    if not is_classification(content):
        raise InputError(f"{uri} does not have all of {', '.join(PARTS)}. Export it in COCO's form.")
    images = _by_number(content["images"], "file_name", "image", uri)
    categories = _by_number(content["categories"], "name", "category", uri)
    sizes = {image["id"]: (image.get("width"), image.get("height")) for image in content["images"]}
    for position, annotation in enumerate(_objects(content["annotations"], "annotations", uri), start=1):
        location = f"annotation {annotation.get('id', f'number {position}')}"
        name = _looked_up(images, annotation.get("image_id"), "image_id", "images", f"{uri}, {location}")
        if (part := _part_of_image(annotation, sizes[annotation["image_id"]])) is not None:
            raise InputError(
                f"{uri}, {location} is about a part of the image ({part}), but {ONE_LABEL}. Take {part} out if the "
                "category holds for the image as a whole."
            )
        status = _status(annotation, f"{uri}, {location}")
        label = None
        if status == "ok":
            label = _looked_up(
                categories, annotation.get("category_id"), "category_id", "categories", f"{uri}, {location}"
            )
        annotator, time = (str(annotation.get(field) or "") for field in ("annotator", "time"))
        yield location, name, Vote(name, annotator, label, status, time, uri)


def _part_of_image(annotation: Mapping[str, Any], size: tuple[object, object]) -> str | None:
    """The field by which an annotation is about a part of an image; None where it is about the whole.

    Without the image's size, a box that begins in its corner is taken for the whole.
    """
    if annotation.get("segmentation"):
        return "segmentation"
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not any(box):
        return None
    in_corner, whole = box[:2] == [0, 0], tuple(box[2:]) == size or box[2:] == [1, 1]
    return None if in_corner and (whole or None in size) else "bbox"


def _objects(value: object, part: str, uri: str) -> list[Mapping[str, object]]:
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


def _looked_up(names: dict[int | str, str], number: Any, field: str, part: str, location: str) -> str:
    if not isinstance(number, int | str) or number not in names:
        raise InputError(
            f"{location}: {field} {number!r} is not among {part!r}. Add it there, or delete the annotation."
        )
    return names[number]


def _status(annotation: Mapping[str, object], location: str) -> Status:
    given = annotation.get("status") or "ok"
    for status in STATUSES:
        if status == given and status != "withdrawn":
            return status
    raise InputError(f"{location}: status {given!r} is not one of ok, skip, unsure.")


ID_FIELD = "sample_id"
IMAGE_FIELDS = ("image", "img", "image_url", "url", "photo", "picture")
LABEL_FIELDS = ("label", "choice", "class")


def votes_of_export(content: Any, uri: str) -> Iterator[Placed]:
    """The last answer of each person on each sample of an export, in the file's order.

    A sample is called by the task's `sample_id`, or else by its image: the name of the file, or the whole address where
    that is in S3. Skipped tasks are votes too, but JSON_MIN leaves them out. Drafts and predictions are no votes.

    Args:
        content: what the JSON file holds.
        uri: the file, for messages.

    Raises:
        InputError: it is no export, or an annotation says nothing or several things; the task and the remedy are named.
    """
    if not isinstance(content, list) or not all(isinstance(task, dict) for task in content):
        raise InputError(
            f"{uri} is neither an export of Label Studio, a list of tasks, nor a COCO classification, which has "
            "images, annotations and categories. Export it as JSON."
        )
    last: dict[tuple[str, str], tuple[str, Answer]] = {}
    for number, task in enumerate(content, start=1):
        location = f"task {task.get('id', f'number {number}')}"
        for where, name, answer in _answers(task, location, uri):
            key = (name, answer.annotator)
            if key not in last or answer.order > last[key][1].order:
                last[key] = (where, answer)
    for (name, annotator), (where, answer) in last.items():
        yield where, name, Vote(name, annotator, answer.label, answer.status, answer.time, uri)


def _answers(task: Mapping[str, object], location: str, uri: str) -> Iterator[tuple[str, str, Answer]]:
    """Where each answer of a task stands, what the task calls its sample, and the answer.

    Answers to a task that asks for a label again are called as such.
    """
    data = task.get("data", task)
    recheck = recheck_of(data) if isinstance(data, dict) else None
    for where, name, answer in _answers_as_written(task, location, uri):
        again = answer if recheck is None else replace(answer, annotator=answer_name(answer.annotator, recheck))
        yield where, name, again


def _answers_as_written(task: Mapping[str, object], location: str, uri: str) -> Iterator[tuple[str, str, Answer]]:
    annotations = task.get("annotations", task.get("completions"))
    if annotations is None:
        yield (
            f"{location}, annotation {task.get('annotation_id', '?')}",
            _name(task, location, uri),
            _row(task, location, uri),
        )
        return
    if not isinstance(annotations, list):
        raise InputError(f"{uri}, {location}: `annotations` is not a list. Export it again.")
    for annotation in annotations:
        data = task.get("data")
        where = f"{location}, annotation {annotation.get('id', '?') if isinstance(annotation, dict) else '?'}"
        try:
            answer = read_annotation(annotation, None, None)
        except InputError as error:
            raise InputError(f"{uri}, {where}: {error} Or delete it from the file.") from None
        yield where, _name(data if isinstance(data, dict) else {}, location, uri), answer


def _row(row: Mapping[str, object], location: str, uri: str) -> Answer:
    """The answer in a row of JSON_MIN, whose fields are the task's data and a field for each control."""
    time = str(row.get("updated_at") or row.get("created_at") or "")
    number = row.get("annotation_id")
    order = (moment(time), number if isinstance(number, int) else 0)
    annotator = annotator_of({"completed_by": row.get("annotator")})
    chosen = next((row[name] for name in LABEL_FIELDS if row.get(name) is not None), None)
    if row.get(DOUBT) or chosen == UNSURE:
        return Answer(annotator, None, "unsure", time, order)
    if not isinstance(chosen, str) or not chosen:
        what = f"no field {', '.join(LABEL_FIELDS[:-1])} or {LABEL_FIELDS[-1]}"
        if chosen:
            what = f"{_several(chosen)}, but {ONE_LABEL}"
        raise InputError(f"{uri}, {location}: it has {what}. Choose one class there, or export as JSON, not JSON_MIN.")
    return Answer(annotator, chosen, "ok", time, order)


def _several(chosen: object) -> str:
    """What stands where one choice should: boxes and outlines are objects with their place."""
    places = isinstance(chosen, list) and all(isinstance(item, dict) for item in chosen)
    return "boxes, masks or outlines" if places else "several choices"


def _name(data: Mapping[str, object], location: str, uri: str) -> str:
    """What a task calls its sample."""
    if (name := data.get(ID_FIELD)) is not None:
        return str(name)
    texts = {field: value for field, value in data.items() if isinstance(value, str)}
    images = [texts[field] for field in IMAGE_FIELDS if texts.get(field)]
    images += [value for value in texts.values() if _path(value).lower().endswith(ALL_ENDINGS)]
    if not images:
        raise InputError(
            f"{uri}, {location}: it has neither a sample_id nor an image to identify the sample. Add sample_id to its "
            "data."
        )
    return name_of_image(images[0])


def _path(address: str) -> str:
    """The path of an address; empty where it is none."""
    try:
        return urlsplit(address).path
    except ValueError:
        return ""
