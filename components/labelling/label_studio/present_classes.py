"""The choices of a project, kept up with classes that were added, renamed or merged.

Label Studio does not take a choice away that annotations hold, and annotations are not rewritten. So a class that was
renamed is shown by its new name, while annotations go on holding the old one, which is the choice's alias. Of classes
that were merged each keeps a choice; those beside the first say what they were.

Source: https://labelstud.io/tags/choice (alias)
"""

import xml.etree.ElementTree as xml
from collections.abc import Mapping

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.labelling.label_studio.hotkeys import give_hotkeys


def with_present_classes(configuration: str, campaign: Campaign) -> str | None:
    """The configuration with the campaign's present classes; None where it has them, or cannot be read.

    Names that people gave to choices stay, as does everything else.

    Args:
        configuration: the XML of a project.
        campaign: one that was amended.
    """
    try:
        view = fromstring(configuration, forbid_dtd=True)
    except (xml.ParseError, DefusedXmlException):
        return None
    control = max(view.iter("Choices"), key=lambda one: len(_known(one, campaign)), default=None)
    if control is None or not _known(control, campaign):
        return None
    before = xml.tostring(view)
    known = _known(control, campaign)
    first = {name: next((label for label in labels if label == name), labels[0]) for name, labels in known.items()}
    for choice in control.iter("Choice"):
        label = _label(choice)
        name = campaign.class_of(label)
        if name in known and _is_ours(choice, label, campaign):
            _show(choice, label, name if label == first[name] else f"{name}{_was(label)}")
    missing = [name for name in campaign.added_classes if name not in known]
    for name in missing:
        xml.SubElement(control, "Choice", value=name)
    if missing and any(choice.get("hotkey") for choice in control.iter("Choice")):
        give_hotkeys(control)
    return None if xml.tostring(view) == before else xml.tostring(view, encoding="unicode")


def _known(control: xml.Element, campaign: Campaign) -> Mapping[str, list[str]]:
    """The labels of a control's choices that are or were classes, by the class that they count as."""
    found: dict[str, list[str]] = {}
    for choice in control.iter("Choice"):
        name = campaign.class_of(_label(choice))
        if name in campaign.classes:
            found.setdefault(name, []).append(_label(choice))
    return found


def _label(choice: xml.Element) -> str:
    """What annotations hold."""
    return choice.get("alias") or choice.get("value") or ""


def _was(label: str) -> str:
    return f" (was {label})"


def _is_ours(choice: xml.Element, label: str, campaign: Campaign) -> bool:
    """Whether a choice is shown by the name of a class rather than by one that people gave it."""
    shown = choice.get("value") or ""
    return shown in {label, *campaign.classes, *campaign.former_classes} or shown.endswith(_was(label))


def _show(choice: xml.Element, label: str, shown: str) -> None:
    if choice.get("value") == shown:
        return
    choice.set("value", shown)
    if shown == label:
        choice.attrib.pop("alias", None)
    else:
        choice.set("alias", label)
