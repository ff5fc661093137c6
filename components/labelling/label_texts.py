"""What texts in a label's place mean: a class, or that there is no label; others are refused with the remedy."""

from collections.abc import Callable, Collection, Iterable

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.label_spellings import (
    ONE_LABEL,
    difference,
    folded,
    parts_listed,
    several_labels,
    two_spellings,
    with_points,
)
from labelcycle.components.labelling.sample_ids import control_characters_in
from labelcycle.components.labelling.unlabelled import is_no_label

Place = Callable[[str], str]
"""Where a text stands first, such as `labels.csv, row 3`."""

ERRORS = frozenset({"#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!"})
"""What spreadsheets show for a formula that came to nothing."""


def labels_meant(texts: Iterable[str], classes: Collection[str] | None, place: Place) -> dict[str, str]:
    """The label that each text of one file means; an empty one for no label.

    Numbers with a decimal comma are those with a point, unless a class is called by the comma.

    Args:
        texts: as they stand in the file, without spaces around them, each once.
        classes: that are named; None where any label is one.
        place: for messages.

    Raises:
        InputError: an error of a spreadsheet, or numbers of which some have a decimal comma and some a point.
    """
    meant = {text: "" if is_no_label(text, classes) else text for text in texts}
    labels = [label for label in meant.values() if label and (classes is None or label not in classes)]
    for label in labels:
        if label in ERRORS:
            raise InputError(f"{place(label)}: {label} is an error of the spreadsheet. Correct the cell.")
    try:
        changed = with_points(labels)
    except ValueError as error:
        raise InputError(f"{place(next(label for label in labels if ',' in label))}: {error}.") from error
    if any(several_labels(text, labels) for text in changed):
        return meant
    return meant | {text: label for text, label in changed.items() if classes is None or label in classes}


def refuse_unclear(labels: Collection[str], place: Place) -> None:
    """Refuse labels, where no classes are named, of which one is another in another spelling, or lists several.

    So is one that holds control characters.

    Raises:
        InputError: so it is; the label, what it differs from and the remedy are named.
    """
    for label in labels:
        if fault := control_characters_in(label):
            raise InputError(f"{place(label)}: the label {label!r} {fault}. Write it without them.")
    if (pair := two_spellings(labels)) is not None:
        one, other = pair
        raise InputError(
            f"{place(one)}: {one!r} and {other!r} ({place(other)}) differ {difference(one, other)}. Write one of them "
            "everywhere, or name both with --classes if they are two classes."
        )
    listed = parts_listed(labels)
    for label in labels:
        if parts := several_labels(label, labels, listed):
            raise InputError(_several(place(label), label, parts))


def refuse_unknown(label: str, classes: Collection[str], place: str, remedy: str = "") -> None:
    """Refuse a label that is none of the classes.

    Args:
        label: the label.
        classes: those that there are.
        place: where it stands first.
        remedy: what to do about one that is like none of them; empty for nothing.

    Raises:
        InputError: always; the class that it is in another spelling is named, or what it lists.
    """
    if parts := several_labels(label, classes):
        raise InputError(_several(place, label, parts))
    alike = next((name for name in sorted(classes) if folded(name) == folded(label)), None)
    if alike is not None:
        remedy = f" Write it as {alike!r}: they differ {difference(label, alike)}."
    raise InputError(f"{place}: {label!r} is not one of the campaign's classes: {', '.join(sorted(classes))}.{remedy}")


def _several(place: str, label: str, parts: list[str]) -> str:
    return (
        f"{place}: {label!r} lists {len(parts)} labels, but {ONE_LABEL}. Keep one, or name it with --classes if it is "
        "one class."
    )
