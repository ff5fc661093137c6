"""The campaign's project in Label Studio: found or created once, with a labelling configuration of its classes.

Source: https://labelstud.io/tags/choices
"""

import contextlib
import dataclasses
import xml.etree.ElementTree as xml
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.labelling.label_studio.client import LabelStudio, NotThere, PerhapsDone
from labelcycle.components.labelling.label_studio.hotkeys import UNSURE_HOTKEY, give_hotkeys
from labelcycle.components.labelling.label_studio.present_classes import with_present_classes

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
        choices: what annotations hold for a class, by its name, where that is another: one that it had before.
    """

    label: str = LABEL
    image: str = IMAGE
    field: str = IMAGE
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def choice_of(self, name: str) -> str:
        """What annotations hold for a class."""
        return self.choices.get(name, name)


def labelling_configuration(classes: Collection[str]) -> str:
    """The XML of a project that shows an image and asks for one of the classes, or `unsure`.

    The choices come first, because images fill the page. Skipping is Label Studio's own button. Doubt is a control of
    its own, so that it is never taken for a class. As many classes as there are `HOTKEYS` have a key each.
    """
    view = xml.Element("View")
    questions = xml.SubElement(view, "View", style="display: flex; flex-wrap: wrap; gap: 0 3em")
    in_a_row = "true" if len(classes) <= MOST_CHOICES_IN_A_ROW else "false"
    label = xml.SubElement(questions, "Choices", name=LABEL, toName=IMAGE, choice="single-radio", showInline=in_a_row)
    for name in classes:
        xml.SubElement(label, "Choice", value=name)
    give_hotkeys(label)
    doubt = xml.SubElement(questions, "Choices", name=DOUBT, toName=IMAGE, choice="single", showInline="true")
    xml.SubElement(doubt, "Choice", value=UNSURE, hotkey=UNSURE_HOTKEY)
    xml.SubElement(view, "Image", name=IMAGE, value=f"${IMAGE}", zoom="true")
    return xml.tostring(view, encoding="unicode")


def controls_of(
    project: Any, classes: Collection[str], address: str, former_classes: Mapping[str, str] | None = None
) -> Controls:
    """The controls of a project, as the API describes it.

    The choices as annotations hold them have to be the campaign's classes: a choice that people see by another name
    needs the class as its `alias`. One further choice may be called `unsure`.

    Args:
        project: what `/api/projects/<number>/` answers.
        classes: the campaign's.
        address: the project's address, for messages.
        former_classes: the class that each name counts as which is none any more.

    Raises:
        CampaignError: no control has these classes; those missing and those unknown are named.
        InputError: the server does not describe the configuration.
    """
    parsed = project.get("parsed_label_config") if isinstance(project, dict) else None
    if not isinstance(parsed, dict):
        raise InputError(
            f"{address} does not describe its labelling configuration. labelcycle is made for Label Studio 1.23."
        )
    choices = {name: control for name, control in parsed.items() if _is_choices(control)}
    known, former = set(classes), former_classes or {}
    meant = {name: {former.get(label, label) for label in control["labels"]} for name, control in choices.items()}
    best = max(choices, key=lambda name: len(known & meant[name]), default=None)
    if best is None or not known & meant[best]:
        raise CampaignError(
            f"The labelling configuration of {address} has no choices with the campaign's classes. Give it, under "
            f"Settings, Labeling Interface, this code: {labelling_configuration(classes)}"
        )
    offered = meant[best] - ({UNSURE} - known)
    if offered != known:
        raise CampaignError(_what_differs(best, known, offered, address))
    control = choices[best]
    shown = next((source for source in control.get("inputs", []) if source.get("type") == "Image"), None)
    if shown is None or not isinstance(shown.get("value"), str):
        raise CampaignError(f'{address}: the choices {best!r} belong to no image. Give them toName="image".')
    other = {former[label]: label for label in reversed(control["labels"]) if label in former}
    other = {name: label for name, label in other.items() if name not in control["labels"]}
    return Controls(label=best, image=control["to_name"][0], field=shown["value"], choices=other)


def _is_choices(control: Any) -> bool:
    return (
        isinstance(control, dict)
        and control.get("type") == "Choices"
        and isinstance(control.get("labels"), list)
        and isinstance(control.get("to_name"), list)
        and bool(control["to_name"])
    )


def _what_differs(control: str, known: set[str], offered: set[str], address: str) -> str:
    lines = [f"The choices {control!r} of {address} are not the campaign's classes."]
    if missing := sorted(known - offered):
        lines.append(f"Missing there: {', '.join(map(repr, missing))}.")
    if unknown := sorted(offered - known):
        lines.append(f"Not a class: {', '.join(map(repr, unknown))}.")
    lines.append(
        "Correct them under Settings, Labeling Interface. A class that people see by another name stays as an alias: "
        '<Choice value="the name shown" alias="the class"/>.'
    )
    return " ".join(lines)


LONGEST_TITLE = 50
PAGE = 100
ROUNDS = 3


@dataclass(frozen=True)
class Project:
    """A project that fits the campaign."""

    number: int
    url: str
    controls: Controls


def find_project(server: LabelStudio, campaign: Campaign) -> Project | None:
    """The campaign's project; None where it was not made yet.

    Raises:
        CampaignError: the project that the campaign names is not there, or its choices are not the classes.
    """
    tool = campaign.labelling.tool
    number = tool.project if tool is not None else None
    if number is None:
        number = min(project_numbers(server, campaign), default=None)
    return None if number is None else _checked(server, campaign, number)


def find_or_create_project(server: LabelStudio, campaign: Campaign) -> Project:
    """The campaign's project, made now where it is missing.

    It is known by a line in its description or by its title, so that people may change one of them. Where several have
    it, because two made one at the same time or an answer was lost, the lowest number counts, so that all agree.

    Raises:
        CampaignError: see `find_project`.
        TransientError: the server does not say whether it made the project, again and again.
    """
    if (project := find_project(server, campaign)) is not None:
        return project
    for _ in range(ROUNDS):
        with contextlib.suppress(PerhapsDone):
            server.post("/api/projects/", _description(campaign))
        if (project := find_project(server, campaign)) is not None:
            _delete_empty_others(server, campaign, project.number)
            return project
    raise TransientError(
        f"Label Studio at {server.url} does not say whether it made a project. Run the same command again."
    )


def marker(campaign: Campaign) -> str:
    """The line in a project's description by which the campaign knows it."""
    return f"labelcycle campaign {campaign.identifier}"


def title(campaign: Campaign) -> str:
    """The campaign's identifier, its name shortened to what a title may have."""
    name, _, digest = campaign.identifier.rpartition("-")
    return f"{name[: LONGEST_TITLE - len(digest) - 1]}-{digest}"


def _description(campaign: Campaign) -> dict[str, str | int]:
    """What the API makes the project of."""
    return {
        "title": title(campaign),
        "description": f"Images that labelcycle asks people to label.\n{marker(campaign)}",
        "label_config": labelling_configuration(campaign.classes),
        "maximum_annotations": campaign.labelling.quorum,
        "show_collab_predictions": campaign.labelling.tool is not None and campaign.labelling.tool.predictions,
        "enable_empty_annotation": False,
        "skip_queue": "IGNORE_SKIPPED",
        "sampling": "Sequential sampling",
    }


def project_numbers(server: LabelStudio, campaign: Campaign) -> Iterator[int]:
    """Numbers of the projects made for this campaign."""
    page = 1
    while True:
        answer = server.get("/api/projects/", page=page, page_size=PAGE, include="id,title,description")
        for project in answer["results"]:
            lines = str(project.get("description") or "").splitlines()
            if marker(campaign) in lines or project.get("title") == title(campaign):
                yield project["id"]
        if not answer.get("next") or not answer["results"]:
            return
        page += 1


def _delete_empty_others(server: LabelStudio, campaign: Campaign, kept: int) -> None:
    """Delete further projects of the campaign that nobody has sent tasks to: a race or a lost answer has left them."""
    for number in [number for number in project_numbers(server, campaign) if number != kept]:
        address = f"/api/projects/{number}/"
        with contextlib.suppress(NotThere):
            if server.get(address).get("task_number") == 0:
                server.delete(address)


def _checked(server: LabelStudio, campaign: Campaign, number: int) -> Project:
    url = project_url(server.url, number)
    try:
        content = server.get(f"/api/projects/{number}/")
    except NotThere as error:
        raise CampaignError(
            f"There is no project {number} in Label Studio at {server.url}, or the token's user may not see it. Check "
            "--label-studio-project, or use the token of a member of its organization."
        ) from error
    content = _with_present_classes(server, campaign, number, content)
    controls = controls_of(content, campaign.classes, url, campaign.former_classes)
    if content.get("maximum_annotations", 1) < campaign.labelling.quorum:
        server.patch(f"/api/projects/{number}/", {"maximum_annotations": campaign.labelling.quorum})
        notice(f"{url} now asks for {campaign.labelling.quorum} annotations a task, as the campaign's quorum says.")
    return Project(number, url, controls)


def _with_present_classes(server: LabelStudio, campaign: Campaign, number: int, content: Any) -> Any:
    """Give the project the classes that the campaign was amended to have. Returns what the API says of it then.

    Label Studio refuses it where annotations hold other choices than the project offers; then it stays as it is.
    """
    configuration = content.get("label_config") if isinstance(content, dict) else None
    if not isinstance(configuration, str) or not (campaign.former_classes or campaign.added_classes):
        return content
    changed = with_present_classes(configuration, campaign)
    if changed is None:
        return content
    try:
        server.patch(f"/api/projects/{number}/", {"label_config": changed})
    except ConfigurationError as error:
        notice(f"{project_url(server.url, number)} does not offer the classes as they were amended: {error}")
        return content
    notice(f"{project_url(server.url, number)} now offers the classes as they were amended.")
    return server.get(f"/api/projects/{number}/")


def project_url(url: str, number: int) -> str:
    """The address that people open."""
    return f"{url}/projects/{number}"
