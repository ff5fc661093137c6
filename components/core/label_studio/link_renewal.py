"""Making links to images anew before they run out, in tasks that nobody has answered yet."""

from datetime import UTC, datetime

from labelcycle.components.core.label_studio.client import LabelStudio, NotThere
from labelcycle.components.core.label_studio.image_links import ImageLinks
from labelcycle.components.core.label_studio.project import Project
from labelcycle.components.core.label_studio.tasks import Task


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

    def renew(self, task: Task) -> bool:
        """Give a task a new link if its own runs out. Returns whether it did; a task that is gone is left alone.

        Raises:
            TransientError: the server does not answer.
        """
        if task.answered or not self._links.runs_out(task.until, self._now):
            return False
        link = self._links.link(task.sample_id)
        data = task.data | {self._project.controls.field: link.address, "link_until": link.until}
        try:
            self._server.patch(f"/api/tasks/{task.number}/", {"data": data})
        except NotThere:
            return False
        return True
