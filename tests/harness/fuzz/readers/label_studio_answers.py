"""What Label Studio's API answers, as votes."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from labelcycle.components.core.campaign.vote_tables import votes_table
from labelcycle.components.core.config.labelling import LabelStudioTool
from labelcycle.components.core.storage.tables import table_bytes
from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.image_links import ImageLinks
from labelcycle.components.labelling.label_studio.project import Controls, Project
from labelcycle.components.labelling.label_studio.read_votes import _Reading
from labelcycle.components.labelling.label_studio.tasks import list_tasks, task_of
from labelcycle.components.labelling.label_studio.tokens import Token
from tests.harness.fuzz.json_mutation import json_mutation
from tests.harness.fuzz.readers.campaign_files import CAMPAIGN
from tests.harness.fuzz.target import Target

IDENTIFIER = CAMPAIGN.identifier
NOW = datetime(2026, 1, 5, tzinfo=UTC)
LINKS = ImageLinks(LabelStudioTool(url="http://127.0.0.1:1"), {})


class _OneAnswer(LabelStudio):
    """A server whose first answer is given, and whose second is the end of the list."""

    def __init__(self, body: bytes) -> None:
        super().__init__("http://127.0.0.1:1", Token("legacy", "secret"), attempts=1)
        self._answers = [body, b'{"tasks": []}']

    def _send(self, *_: Any) -> tuple[int, Mapping[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, self._answers.pop(0)


def _read(data: bytes) -> None:
    server = _OneAnswer(data)
    project = Project(1, "http://127.0.0.1:1/projects/1", Controls())
    reading = _Reading(CAMPAIGN, project, frozenset(["a.png", "b.png"]))
    for task in list_tasks(server, 1, "id"):
        reading.take(task)
        if (found := task_of(task, IDENTIFIER)) is not None:
            LINKS.runs_out(found.until, NOW)
    reading.warn_of_ignored()
    table_bytes(votes_table(reading.votes()))


RESULT = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["cat"]}}
ANNOTATION = {"id": 3, "completed_by": 1, "created_username": "x a@b.org, 1", "updated_at": "2024-01-05T10:00:00Z"}
DATA = {"sample_id": "a.png", "campaign": IDENTIFIER, "opinion": 1, "link_until": "2024-01-05T10:00:00Z"}
TASKS = [
    {"id": 1, "data": DATA, "is_labeled": True, "annotations": [ANNOTATION | {"result": [RESULT]}], "overlap": 1},
    {"id": 2, "data": DATA | {"sample_id": "b.png"}, "annotations": [ANNOTATION | {"was_cancelled": True}]},
    {"id": 3, "data": DATA, "annotations": [], "total_annotations": 0, "cancelled_annotations": 0},
]

TARGETS = [
    Target("label-studio-api", _read, (json.dumps({"tasks": TASKS, "total": 3}).encode(),), json_mutation()),
]
