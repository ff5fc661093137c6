"""Reading votes from Label Studio: every annotation of the campaign's tasks, as it stands now."""

from collections.abc import Iterator

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.rechecks import answer_name
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.label_studio.annotations import Answer, read_annotation, recheck_of
from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.image_links import ImageLinks
from labelcycle.components.labelling.label_studio.project import Project, find_project
from labelcycle.components.labelling.label_studio.tasks import (
    PAGE,
    LinkRenewal,
    ListedTask,
    TaskRemoval,
    list_tasks,
    task_of,
)
from labelcycle.components.labelling.label_studio.tokens import token_from_environment

ANSWERS = "id,data,is_labeled,annotations,result,completed_by,created_username,was_cancelled,created_at,updated_at"
"""Fields of tasks and, because the server looks for both in one list, of their annotations."""

NAMED = 5
"""How many tasks or annotations that are not counted a notice names."""


def read_votes(store: Store, campaign: Campaign, page_size: int = PAGE) -> list[Vote]:
    """The last answer of each person on each sample, in order of sample and person.

    What cannot be counted is named in a notice and left out: annotations that say nothing, several things or no class
    of the campaign, and tasks that are not the campaign's. What was deleted in Label Studio is not there.

    Links to images that run out before a task is answered are renewed on the way, and tasks of samples that were
    withdrawn are removed.

    Args:
        store: the campaign's.
        campaign: one with a labelling tool.
        page_size: tasks a call.

    Raises:
        ConfigurationError: no tool, no token, or a token that is refused.
        CampaignError: the project is not there, or its choices are not the campaign's classes.
        TransientError: the server does not answer.

    Cost: one call for each `page_size` tasks of the project; memory for one page and the votes.
    """
    tool = campaign.labelling.tool
    if tool is None:
        raise ConfigurationError("The campaign has no labelling tool to read answers from.")
    server = LabelStudio(tool.url, token_from_environment())
    project = find_project(server, campaign)
    if project is None:
        raise CampaignError(
            f"Label Studio at {tool.url} has no project of campaign {campaign.identifier!r} that the token's user "
            "may see. Use the token of a member of its organization; if it was deleted, labelcycle publish makes "
            "a new one."
        )
    uris = sample_uris(store, campaign)
    reading = _Reading(campaign, project, frozenset(uris))
    renewal = LinkRenewal(server, project, ImageLinks(tool, uris))
    removal = TaskRemoval(server, read_withdrawn(store, campaign))
    for raw in list_tasks(server, project.number, ANSWERS, page_size):
        task = task_of(raw, campaign.identifier)
        if task is not None and removal.remove(task):
            continue
        reading.take(raw)
        if task is not None and task.sample_id in uris:
            renewal.renew(task)
    reading.warn_of_ignored()
    if removal.removed:
        notice(f"{removal.removed} tasks of withdrawn samples were removed from {project.url}.")
    return reading.votes()


class _Reading:
    """What was read so far: the answer that counts for each sample and person, and what cannot be counted."""

    def __init__(self, campaign: Campaign, project: Project, known: frozenset[str]) -> None:
        self._campaign = campaign
        self._project = project
        self._known = known
        self._answers: dict[tuple[str, str], Answer] = {}
        self._refused: list[str] = []
        self._foreign: list[str] = []
        self._classes = frozenset(campaign.understood_classes)

    def take(self, task: ListedTask) -> None:
        """Take the annotations of one task."""
        annotations = task.get("annotations")
        if not isinstance(annotations, list) or not annotations:
            return
        sample_id = self._sample(task)
        if sample_id is None:
            return
        data = task["data"]
        recheck = recheck_of(data) if isinstance(data, dict) else None
        for annotation in annotations:
            try:
                answer = read_annotation(annotation, self._project.controls.label, self._classes)
            except InputError as error:
                number = annotation.get("id") if isinstance(annotation, dict) else "?"
                self._refused.append(f"task {task['id']}, annotation {number}: {error}")
                continue
            key = (sample_id, answer.annotator if recheck is None else answer_name(answer.annotator, recheck))
            if key not in self._answers or answer.order > self._answers[key].order:
                self._answers[key] = answer

    def _sample(self, task: ListedTask) -> str | None:
        """The sample of a task, None where it is not one of the campaign's."""
        data = task.get("data")
        if not isinstance(data, dict) or data.get("campaign") != self._campaign.identifier:
            self._foreign.append(f"task {task['id']} is not of this campaign")
            return None
        sample_id = data.get("sample_id")
        if not isinstance(sample_id, str) or sample_id not in self._known:
            self._foreign.append(f"task {task['id']} asks about {sample_id!r}, which is no sample of the pool")
            return None
        return sample_id

    def warn_of_ignored(self) -> None:
        """Name what was not counted."""
        if self._refused:
            notice(f"{len(self._refused)} annotations in {self._project.url} are not counted: {_few(self._refused)}")
        if self._foreign:
            notice(
                f"{len(self._foreign)} annotated tasks in {self._project.url} are not counted: {_few(self._foreign)}. "
                "Move them to a project of their own, or leave them."
            )

    def votes(self) -> list[Vote]:
        """The answers that count."""
        return list(self._votes())

    def _votes(self) -> Iterator[Vote]:
        for (sample_id, annotator), answer in sorted(self._answers.items()):
            label = None if answer.label is None else self._campaign.class_of(answer.label)
            yield Vote(sample_id, annotator, label, answer.status, answer.time, self._project.url)


def _few(messages: list[str]) -> str:
    return "; ".join(messages[:NAMED]) + ("; …" if len(messages) > NAMED else "")
