"""The campaign's project in Label Studio: the one that the campaign names, or one that is made for it once."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from labelcycle.components.core.campaign import Campaign
from labelcycle.components.core.errors import CampaignError, TransientError
from labelcycle.components.core.label_studio.client import LabelStudio, NotThere, PerhapsDone
from labelcycle.components.core.label_studio.configuration import Controls, controls_of, labelling_configuration
from labelcycle.components.core.observation import notice

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
        number = min(_numbers(server, campaign), default=None)
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


def _description(campaign: Campaign) -> dict[str, Any]:
    return {
        "title": title(campaign),
        "description": f"Images that labelcycle asks people to label.\n{marker(campaign)}",
        "label_config": labelling_configuration(campaign.classes),
        "maximum_annotations": campaign.labelling.quorum,
        "show_collab_predictions": True,
        "enable_empty_annotation": False,
        "skip_queue": "IGNORE_SKIPPED",
        "sampling": "Sequential sampling",
    }


def _numbers(server: LabelStudio, campaign: Campaign) -> Iterator[int]:
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
    for number in [number for number in _numbers(server, campaign) if number != kept]:
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
    controls = controls_of(content, campaign.classes, url)
    if content.get("maximum_annotations", 1) < campaign.labelling.quorum:
        server.patch(f"/api/projects/{number}/", {"maximum_annotations": campaign.labelling.quorum})
        notice(f"{url} now asks for {campaign.labelling.quorum} annotations a task, as the campaign's quorum says.")
    return Project(number, url, controls)


def project_url(url: str, number: int) -> str:
    """The address that people open."""
    return f"{url}/projects/{number}"
