"""A project's labelling configuration: made from the campaign's classes, and read back to see whether it fits them.

Source: https://labelstud.io/tags/choices
"""

import xml.etree.ElementTree as xml
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.errors import CampaignError, InputError

LABEL, DOUBT, UNSURE, IMAGE = "label", "doubt", "unsure", "image"
"""Names of the controls, of the choice of those who cannot tell, and of the field with the image's address."""

MOST_CHOICES_IN_A_ROW = 12


@dataclass(frozen=True)
class Controls:
    """What of a project's configuration carries answers.

    Attributes:
        label: name of the control whose choices are the classes.
        image: name of the image that it belongs to.
        field: the field of a task's data that holds the image's address.
    """

    label: str = LABEL
    image: str = IMAGE
    field: str = IMAGE


def labelling_configuration(classes: Collection[str]) -> str:
    """The XML of a project that shows an image and asks for one of the classes, or `unsure`.

    The choices come first, because images fill the page. Skipping is Label Studio's own button. Doubt is a control of
    its own, so that it is never taken for a class.
    """
    view = xml.Element("View")
    questions = xml.SubElement(view, "View", style="display: flex; flex-wrap: wrap; gap: 0 3em")
    in_a_row = "true" if len(classes) <= MOST_CHOICES_IN_A_ROW else "false"
    label = xml.SubElement(questions, "Choices", name=LABEL, toName=IMAGE, choice="single-radio", showInline=in_a_row)
    for name in classes:
        xml.SubElement(label, "Choice", value=name)
    doubt = xml.SubElement(questions, "Choices", name=DOUBT, toName=IMAGE, choice="single", showInline="true")
    xml.SubElement(doubt, "Choice", value=UNSURE)
    xml.SubElement(view, "Image", name=IMAGE, value=f"${IMAGE}", zoom="true")
    return xml.tostring(view, encoding="unicode")


def controls_of(project: Any, classes: Collection[str], place: str) -> Controls:
    """The controls of a project, as the API describes it.

    The choices as annotations hold them have to be the campaign's classes: a choice that people see by another name
    needs the class as its `alias`. One further choice may be called `unsure`.

    Args:
        project: what `/api/projects/<number>/` answers.
        classes: the campaign's.
        place: the project's address, for messages.

    Raises:
        CampaignError: no control has these classes; those missing and those unknown are named.
        InputError: the server does not describe the configuration.
    """
    parsed = project.get("parsed_label_config") if isinstance(project, dict) else None
    if not isinstance(parsed, dict):
        raise InputError(
            f"{place} does not describe its labelling configuration. labelcycle is made for Label Studio 1.23."
        )
    choices = {name: control for name, control in parsed.items() if _is_choices(control)}
    known = set(classes)
    best = max(choices, key=lambda name: len(known & set(choices[name]["labels"])), default=None)
    if best is None or not known & set(choices[best]["labels"]):
        raise CampaignError(
            f"The labelling configuration of {place} has no choices with the campaign's classes. Give it, under "
            f"Settings, Labeling Interface, this code: {labelling_configuration(classes)}"
        )
    offered = set(choices[best]["labels"]) - ({UNSURE} - known)
    if offered != known:
        raise CampaignError(_what_differs(best, known, offered, place))
    control = choices[best]
    shown = next((source for source in control.get("inputs", []) if source.get("type") == "Image"), None)
    if shown is None or not isinstance(shown.get("value"), str):
        raise CampaignError(f'{place}: the choices {best!r} belong to no image. Give them toName="image".')
    return Controls(label=best, image=control["to_name"][0], field=shown["value"])


def _is_choices(control: Any) -> bool:
    return (
        isinstance(control, dict)
        and control.get("type") == "Choices"
        and isinstance(control.get("labels"), list)
        and isinstance(control.get("to_name"), list)
        and bool(control["to_name"])
    )


def _what_differs(control: str, known: set[str], offered: set[str], place: str) -> str:
    lines = [f"The choices {control!r} of {place} are not the campaign's classes."]
    if missing := sorted(known - offered):
        lines.append(f"Missing there: {', '.join(map(repr, missing))}.")
    if unknown := sorted(offered - known):
        lines.append(f"Not a class: {', '.join(map(repr, unknown))}.")
    lines.append(
        "Correct them under Settings, Labeling Interface. A class that people see by another name stays as an alias: "
        '<Choice value="the name shown" alias="the class"/>.'
    )
    return " ".join(lines)
