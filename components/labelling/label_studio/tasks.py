"""Tasks of a project: how they are listed, which are the campaign's, and how links to images are renewed."""

import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NotRequired, Required, TypedDict

from labelcycle.components.core.errors import InputError
from labelcycle.components.labelling.label_studio.annotations import RECHECK, recheck_of
from labelcycle.components.labelling.label_studio.client import LabelStudio, NotThere
from labelcycle.components.labelling.label_studio.image_links import ImageLinks, Link
from labelcycle.components.labelling.label_studio.project import Controls, Project

PAGE = 200
STATE = "id,data,is_labeled,overlap,total_annotations,cancelled_annotations"


Slot = tuple[str, int | None]
"""A sample, and the cycle that asks for its label again; None for its first label and further opinions on that."""


@dataclass(frozen=True)
class Wanted:
    """A row of a query, as people are to see it.

    Attributes:
        sample_id: the sample.
        cycle: the cycle whose query it is in.
        rank: its place in that query, best first.
        opinion: 1 for a first label, 2 for a further one, and so on.
        reason: why it was chosen, in words.
        predicted: the model's class; None where no model asked.
        confidence: the model's probability of that class; None where no model asked.
        recheck: whether the label is asked for again, by a task that shows nothing of the first.
    """

    sample_id: str
    cycle: int
    rank: int
    opinion: int
    reason: str
    predicted: str | None
    confidence: float | None
    recheck: bool = False

    @property
    def slot(self) -> "Slot":
        """What has one task in the project."""
        return self.sample_id, self.cycle if self.recheck else None


@dataclass(frozen=True)
class LabellingTask:
    """A task of the campaign.

    Attributes:
        number: its number in Label Studio.
        sample_id: the sample that it asks about.
        opinion: the last opinion that it was opened for.
        until: when its link to the image ceases to hold; empty where it does not.
        answered: whether it has as many annotations as it asks for.
        annotations: how many it has, skips among them.
        overlap: annotations that it asks for.
        data: all of its data.
        recheck: the cycle that asks for the label again; None for other tasks.
    """

    number: int
    sample_id: str
    opinion: int
    until: str
    answered: bool
    annotations: int
    overlap: int
    data: Mapping[str, object]
    recheck: int | None = None

    @property
    def slot(self) -> Slot:
        """What it is the task of."""
        return self.sample_id, self.recheck


class ListedTask(TypedDict, total=False):
    """A task as the API lists it, with the fields that were asked for; only its number is sure."""

    id: Required[int]
    data: object
    is_labeled: object
    overlap: object
    total_annotations: object
    cancelled_annotations: object
    annotations: object


class Prediction(TypedDict):
    """A pre-annotation for the import API."""

    model_version: str
    result: list[Mapping[str, object]]
    score: NotRequired[float]


class NewTask(TypedDict):
    """A task for the import API."""

    data: Mapping[str, str | int]
    predictions: NotRequired[list[Prediction]]


def list_tasks(server: LabelStudio, project: int, fields: str, page_size: int = PAGE) -> Iterator[ListedTask]:
    """All tasks of a project by number, a page at a time.

    Each page asks for the tasks after the last number seen rather than for a page by count, so that none is passed over
    or seen twice while others add and delete tasks.

    Args:
        server: the API.
        project: the project's number.
        fields: the fields of a task that are wanted, with commas; `id` must be among them.
        page_size: tasks a page.

    Raises:
        InputError: the server does not answer as Label Studio does.

    Cost: one call a page; memory for one page.
    """
    last = 0
    while True:
        after = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
        query = {"filters": {"conjunction": "and", "items": [after]}, "ordering": ["tasks:id"]}
        answer = server.get(
            "/api/tasks/",
            project=project,
            page=1,
            page_size=page_size,
            fields="all",
            include=fields,
            resolve_uri="false",
            query=json.dumps(query),
        )
        tasks = answer.get("tasks") if isinstance(answer, dict) else None
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            raise InputError(
                f"{server.url}/api/tasks/ gives no list of tasks. labelcycle is made for Label Studio 1.23."
            )
        if not tasks:
            return
        for task in tasks:
            number = task.get("id")
            if not isinstance(number, int) or number <= last:
                raise InputError(
                    f"{server.url}/api/tasks/ does not list tasks by number. labelcycle is made for Label Studio 1.23."
                )
            last = number
            yield task


def tasks_of(server: LabelStudio, project: int, campaign: str) -> dict[Slot, list[LabellingTask]]:
    """The campaign's tasks by sample and recheck, by number; there is more than one where a race made duplicates."""
    found: dict[Slot, list[LabellingTask]] = {}
    for raw in list_tasks(server, project, STATE):
        task = task_of(raw, campaign)
        if task is not None:
            found.setdefault(task.slot, []).append(task)
    return found


def new_task(wanted: Wanted, link: Link, controls: Controls, campaign: str, predictions: bool) -> NewTask:
    """A task for the import API; with `predictions` the model's, where it has one, is its pre-annotation.

    A task that is new for a further opinion, or asks for a label again, has none: it would be what is in doubt.
    """
    task: NewTask = {"data": task_data(wanted, link, controls, campaign)}
    if predictions and wanted.predicted is not None and wanted.opinion == 1 and not wanted.recheck:
        choice = {
            "from_name": controls.label,
            "to_name": controls.image,
            "type": "choices",
            "value": {"choices": [controls.choice_of(wanted.predicted)]},
        }
        prediction: Prediction = {"model_version": campaign, "result": [choice]}
        if wanted.confidence is not None:
            prediction["score"] = wanted.confidence
        task["predictions"] = [prediction]
    return task


def task_data(wanted: Wanted, link: Link, controls: Controls, campaign: str) -> dict[str, str | int]:
    """What a task holds: the image's link, and what leads its annotations back to the sample."""
    return {
        controls.field: link.address,
        "sample_id": wanted.sample_id,
        "campaign": campaign,
        "cycle": wanted.cycle,
        "rank": wanted.rank,
        "opinion": wanted.opinion,
        "reason": wanted.reason,
        "link_until": link.until,
        **({RECHECK: 1} if wanted.recheck else {}),
    }


def task_of(raw: ListedTask, campaign: str) -> LabellingTask | None:
    """A task of this campaign; None for those of others."""
    data = raw.get("data")
    if not isinstance(data, dict) or data.get("campaign") != campaign:
        return None
    sample_id, opinion = data.get("sample_id"), data.get("opinion")
    if not isinstance(sample_id, str):
        return None
    return LabellingTask(
        number=raw["id"],
        sample_id=sample_id,
        opinion=opinion if isinstance(opinion, int) else 1,
        until=str(data.get("link_until") or ""),
        answered=bool(raw.get("is_labeled")),
        annotations=_count(raw.get("total_annotations")) + _count(raw.get("cancelled_annotations")),
        overlap=_count(raw.get("overlap")) or 1,
        data=data,
        recheck=recheck_of(data),
    )


def _count(value: object) -> int:
    """A count in a task, 0 where the server gives none."""
    return value if isinstance(value, int) else 0


class LinkRenewal:
    """Renews links in the tasks of one project.

    Args:
        server: the API.
        project: the project of the tasks.
        links: makes the links.
    """

    def __init__(self, server: LabelStudio, project: Project, links: ImageLinks) -> None:
        self._server = server
        self._project = project
        self._links = links
        self._now = datetime.now(UTC)

    def renew(self, task: LabellingTask) -> bool:
        """Give a task a new link if its own runs out. Returns whether it did; a task that is gone is left alone.

        Raises:
            TransientError: the server does not answer.
        """
        if task.answered or not self._links.runs_out(task.until, self._now):
            return False
        link = self._links.link(task.sample_id)
        data = {**task.data, self._project.controls.field: link.address, "link_until": link.until}
        try:
            self._server.patch(f"/api/tasks/{task.number}/", {"data": data})
        except NotThere:
            return False
        return True


class TaskRemoval:
    """Removes the tasks of samples that were withdrawn, answered or not: nobody is to see these images any more.

    Args:
        server: the API.
        withdrawn: says of an id whether its sample was.
    """

    def __init__(self, server: LabelStudio, withdrawn: Container[str]) -> None:
        self._server = server
        self._withdrawn = withdrawn
        self.removed = 0

    def remove(self, task: LabellingTask) -> bool:
        """Delete a task if its sample was withdrawn. Returns whether it was; one that is gone is no error.

        Raises:
            ConfigurationError: the token's user may not delete it.
            TransientError: the server does not answer.
        """
        if task.sample_id not in self._withdrawn:
            return False
        self._server.delete(f"/api/tasks/{task.number}/")
        self.removed += 1
        return True
