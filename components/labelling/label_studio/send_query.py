"""Sending a query to Label Studio: a task a sample, however often it is sent.

A sample has one task in the campaign's project. A further opinion opens that task again for more annotations, so that
those who gave the first answers are not asked twice. A recheck has a task of its own, on which the first answers do not
stand.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.campaign.queries import picks_of, read_query
from labelcycle.components.core.campaign.sample_tables import without
from labelcycle.components.core.campaign.withdrawn import read_withdrawn
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.delivery_order import as_delivered
from labelcycle.components.labelling.label_studio.annotations import annotator_of
from labelcycle.components.labelling.label_studio.client import LabelStudio, NotThere, PerhapsDone
from labelcycle.components.labelling.label_studio.image_links import ImageLinks
from labelcycle.components.labelling.label_studio.project import Project, find_or_create_project
from labelcycle.components.labelling.label_studio.tasks import (
    LabellingTask,
    LinkRenewal,
    Slot,
    TaskRemoval,
    Wanted,
    new_task,
    task_data,
    tasks_of,
)
from labelcycle.components.labelling.label_studio.tokens import token_from_environment

TASKS_A_CALL = 250
ROUNDS = 4


@dataclass(frozen=True)
class SentTasks:
    """What publishing a query did.

    Attributes:
        project_url: where people label.
        sent: tasks made now.
        present: tasks of the query that were there already.
        reopened: tasks that ask for a further opinion from now on.
        renewed: links to images that were renewed.
        removed: tasks without answer that were there twice.
        withdrawn: tasks of samples that were withdrawn, now gone.
    """

    project_url: str
    sent: int
    present: int
    reopened: int
    renewed: int
    removed: int
    withdrawn: int = 0


def publish_query(store: Store, campaign: Campaign, commit: Commit, tasks_a_call: int = TASKS_A_CALL) -> SentTasks:
    """Make the tasks of a committed query that are not there yet, and bring those that are up to date.

    Tasks of samples that were withdrawn are removed, whichever query asked for them.

    Args:
        store: the campaign's.
        campaign: one with a labelling tool.
        commit: whose query is sent.
        tasks_a_call: tasks that one call to the API carries at most.

    Raises:
        ConfigurationError: no tool, no token, a token that is refused, an image that browsers cannot be led to.
        CampaignError: the project is not there, or its choices are not the campaign's classes.
        TransientError: the server does not answer; what was sent is found again by the next call.

    Cost: lists the project's tasks at least once, O(tasks of the project).
    """
    asked = without(read_query(store, commit.objects["query"]), read_withdrawn(store, campaign).ids)
    query = as_delivered(asked, campaign, commit.cycle)
    return _publish(store, campaign, wanted_of(query, commit.cycle, campaign.class_of), tasks_a_call)


def publish_samples(store: Store, campaign: Campaign, samples: Sequence[str], cycle: int) -> SentTasks:
    """Make tasks of samples that no query asks for, which say nothing of what a model thinks; as `publish_query`.

    Args:
        store: the campaign's.
        campaign: one with a labelling tool.
        samples: their ids, in the order for people.
        cycle: which the tasks say they are of.
    """
    wanted = [
        Wanted(sample_id=name, cycle=cycle, rank=rank, opinion=1, reason="", predicted=None, confidence=None)
        for rank, name in enumerate(samples, 1)
    ]
    return _publish(store, campaign, wanted, TASKS_A_CALL)


def _publish(store: Store, campaign: Campaign, wanted: list[Wanted], tasks_a_call: int) -> SentTasks:
    tool = campaign.labelling.tool
    if tool is None:
        raise ConfigurationError("The campaign has no labelling tool. Its queries are CSV files under queries/.")
    server = LabelStudio(tool.url, token_from_environment())
    links = ImageLinks(tool, sample_uris(store, campaign))
    withdrawn = read_withdrawn(store, campaign)
    for row in wanted[:1]:
        links.link(row.sample_id)
    project = find_or_create_project(server, campaign)
    sending = _Sending(server, project, campaign.identifier, campaign.labelling.quorum, links, tool.predictions)
    renewal, removal = LinkRenewal(server, sending.project, links), TaskRemoval(server, withdrawn)
    sent, tasks = sending.send_missing(wanted, tasks_a_call)
    left = {name: [task for task in of_sample if not removal.remove(task)] for name, of_sample in tasks.items()}
    tasks = {name: of_sample for name, of_sample in left.items() if of_sample}
    return SentTasks(
        project_url=sending.project.url,
        sent=sent,
        present=len(wanted) - sent,
        removed=sending.remove_duplicates(tasks),
        renewed=sum(renewal.renew(task) for of_sample in tasks.values() for task in of_sample),
        reopened=sending.reopen(wanted, tasks),
        withdrawn=removal.removed,
    )


def wanted_of(query: pa.Table, cycle: int, class_of: Callable[[str], str] = str) -> list[Wanted]:
    """The rows of a committed query, in the order given.

    Args:
        query: the rows.
        cycle: the cycle.
        class_of: what a class is called now.
    """
    return [
        Wanted(
            sample_id=pick.sample_id,
            cycle=cycle,
            rank=pick.rank,
            opinion=pick.opinion,
            reason=pick.reason,
            predicted=None if pick.predicted is None else class_of(pick.predicted),
            confidence=pick.confidence,
            recheck=pick.recheck,
        )
        for pick in picks_of(query)
    ]


@dataclass(frozen=True)
class _Sending:
    """One publishing: server, project, the campaign's identifier and quorum, links, and whether models suggest."""

    server: LabelStudio
    project: Project
    campaign: str
    quorum: int
    links: ImageLinks
    predictions: bool

    def send_missing(self, wanted: list[Wanted], tasks_a_call: int) -> tuple[int, dict[Slot, list[LabellingTask]]]:
        """Send what has no task. Returns how many those were, and all tasks of the campaign as they are then.

        After a call whose answer was lost the tasks are listed again, and those still missing are sent.
        """
        tasks = tasks_of(self.server, self.project.number, self.campaign)
        absent = len(_missing(wanted, tasks))
        failure: PerhapsDone | None = None
        for _ in range(ROUNDS):
            missing = _missing(wanted, tasks)
            if not missing:
                return absent, tasks
            failure = self._send(missing, tasks_a_call)
            tasks = tasks_of(self.server, self.project.number, self.campaign)
            if failure is None:
                break
        if missing := _missing(wanted, tasks):
            raise failure or TransientError(
                f"Label Studio has taken {len(missing)} tasks for {self.project.url} but does not list them yet. Run "
                "the same command again later."
            )
        return absent, tasks

    def _send(self, rows: list[Wanted], tasks_a_call: int) -> PerhapsDone | None:
        """Send tasks until a call's answer is lost; that failure is returned."""
        for begin in range(0, len(rows), tasks_a_call):
            content = [
                new_task(row, self.links.link(row.sample_id), self.project.controls, self.campaign, self.predictions)
                for row in rows[begin : begin + tasks_a_call]
            ]
            try:
                self.server.post(f"/api/projects/{self.project.number}/import", content)
            except PerhapsDone as error:
                return error
        return None

    def remove_duplicates(self, tasks: dict[Slot, list[LabellingTask]]) -> int:
        """Delete tasks that a sample has beside another of its kind, unless somebody has begun to answer them.

        The one that stays is the first with annotations, or the first of all, so that two who do this at once agree.
        """
        removed = 0
        for of_sample in tasks.values():
            kept = _first(of_sample)
            for task in [task for task in of_sample if task is not kept and not task.annotations]:
                if self._remove_untouched(task.number):
                    of_sample.remove(task)
                    removed += 1
        return removed

    def _remove_untouched(self, number: int) -> bool:
        """Delete a task that has neither answer nor draft. Returns whether it is gone."""
        address = f"/api/tasks/{number}/"
        try:
            now = self.server.get(address)
        except NotThere:
            return True
        if now.get("annotations") or now.get("drafts"):
            return False
        self.server.delete(address)
        return True

    def reopen(self, wanted: list[Wanted], tasks: dict[Slot, list[LabellingTask]]) -> int:
        """Let tasks whose sample needs a further opinion ask for as many annotations as that wants, by others."""
        reopened = 0
        for row in wanted:
            task = _first(tasks[row.slot])
            if row.opinion <= task.opinion:
                continue
            try:
                now = self.server.get(f"/api/tasks/{task.number}/")
            except NotThere:
                continue
            people = {annotator_of(annotation) for annotation in now.get("annotations", [])}
            data = task_data(row, self.links.link(row.sample_id), self.project.controls, self.campaign)
            rechecks = sum(sample_id == row.sample_id and cycle is not None for sample_id, cycle in tasks)
            overlap = max(task.overlap, len(people) + 1, self.quorum * (row.opinion - rechecks))
            change = {"data": data, "overlap": overlap, "is_labeled": False}
            reopened += self._change(task.number, change)
        return reopened

    def _change(self, number: int, change: Mapping[str, Any]) -> bool:
        """Change a task. Returns whether it is still there: the next publishing makes one that was deleted again."""
        try:
            self.server.patch(f"/api/tasks/{number}/", change)
        except NotThere:
            return False
        return True


def _missing(wanted: list[Wanted], tasks: dict[Slot, list[LabellingTask]]) -> list[Wanted]:
    return [row for row in wanted if row.slot not in tasks]


def _first(tasks: list[LabellingTask]) -> LabellingTask:
    return min(tasks, key=lambda task: (task.annotations == 0, task.number))
