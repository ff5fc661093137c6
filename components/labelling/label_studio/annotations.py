"""Label Studio's annotations as answers: what an annotation of a task says, and which of several by one person counts.

Source: https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.label_spellings import ONE_LABEL
from labelcycle.components.labelling.label_studio.project import DOUBT, UNSURE

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    """What one annotation says.

    Attributes:
        annotator: the person's e-mail address, or `user <number>` where it is not given.
        label: the class; None unless the status is ok.
        status: `skip` where the task was skipped, `unsure` where that was chosen.
        time: when it was last changed, ISO 8601 as the server has it.
        order: of two answers by one person, the one with the larger order counts.
    """

    annotator: str
    label: str | None
    status: Literal["ok", "skip", "unsure"]
    time: str
    order: tuple[datetime, int]


def read_annotation(annotation: Any, control: str | None, classes: Collection[str] | None) -> Answer:
    """What an annotation says.

    Args:
        annotation: an element of a task's `annotations`.
        control: name of the control whose choices are the classes; None where the source does not say. Then any
            choices but those called `doubt` are taken for it.
        classes: the campaign's classes; None accepts any.

    Raises:
        InputError: it is none, or says nothing, several things or something unknown; the message has neither task nor
            file, which the caller adds.
    """
    if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
        raise InputError("it has no list `result`. Export it again.")
    annotator, time = annotator_of(annotation), _text(annotation.get("updated_at") or annotation.get("created_at"))
    order = (moment(time), _number(annotation.get("id")))
    if annotation.get("was_cancelled"):
        return Answer(annotator, None, "skip", time, order)
    chosen, others = _chosen(annotation["result"], control)
    if UNSURE in chosen and (classes is None or UNSURE not in classes):
        return Answer(annotator, None, "unsure", time, order)
    names = sorted(chosen)
    if not names:
        found = f"it has {', '.join(sorted(others))} but no choice, and {ONE_LABEL}" if others else "it is empty"
        raise InputError(f"{found}. Let {annotator} choose a class, or skip the task.")
    if len(names) > 1:
        raise InputError(
            f"it has several choices: {', '.join(map(repr, names))}, but {ONE_LABEL}. Let {annotator} choose one."
        )
    if classes is not None and names[0] not in classes:
        raise InputError(
            f"{names[0]!r} is not one of the campaign's classes: {', '.join(sorted(classes))}. Let {annotator} choose "
            "again, or make it an alias of the class in the labelling configuration."
        )
    return Answer(annotator, names[0], "ok", time, order)


def annotator_of(annotation: Mapping[str, object]) -> str:
    """Who made an annotation: the e-mail address where the source has one, else `user <number>`; empty for nobody."""
    person = annotation.get("completed_by")
    if isinstance(person, dict):
        return _text(person.get("email") or (f"user {person['id']}" if "id" in person else ""))
    if person is None:
        return ""
    names, comma, number = _text(annotation.get("created_username")).rpartition(", ")
    email = names.split()[-1] if names.split() else ""
    return email if comma and number == str(person) and "@" in email[1:-1] else _text(f"user {person}")


RECHECK = "recheck"
"""The field of a task's data that marks those that ask for a label again."""


def recheck_of(data: Mapping[str, object]) -> int | None:
    """The cycle that asks for a label again by a task with these data; None for other tasks."""
    cycle = data.get("cycle")
    return cycle if data.get(RECHECK) and isinstance(cycle, int) else None


def moment(time: str) -> datetime:
    """The moment that an ISO 8601 text names, UTC where it has no zone; the earliest of all where it names none."""
    try:
        found = datetime.fromisoformat(time)
    except ValueError:
        return NEVER
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _chosen(result: list[Any], control: str | None) -> tuple[set[str], set[str]]:
    """The choices of an annotation, and the kinds of other things it holds."""
    chosen: set[str] = set()
    others: set[str] = set()
    for item in result:
        if not isinstance(item, dict):
            raise InputError("an element of its result is not an object. Export it again.")
        name, value = item.get("from_name"), item.get("value")
        choices = value.get("choices") if item.get("type") == "choices" and isinstance(value, dict) else None
        if not isinstance(choices, list):
            others.add(str(item.get("type")))
        elif name == DOUBT and name != control:
            chosen.update([UNSURE] if choices else [])
        elif control is None or name == control:
            chosen.update(map(str, choices))
    return chosen, others


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _text(value: Any) -> str:
    """A value as text that can be stored: half characters become question marks; empty for nothing."""
    return str(value or "").encode(errors="replace").decode()
