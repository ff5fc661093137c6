"""A real Label Studio takes the classes as they were amended, although annotations hold the former ones."""

import xml.etree.ElementTree as xml

from labelcycle.components.core.storage import open_store
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from tests.services.label_studio.conftest import Labelled, annotate, choice
from tests.services.label_studio.server import Person


def shown(owner: Person, project: int) -> list[tuple[str | None, str | None]]:
    """The choices that people see, and their aliases."""
    configuration = owner.call("GET", f"/api/projects/{project}/")["label_config"]
    control = next(xml.fromstring(configuration).iter("Choices"))
    return [(one.get("value"), one.get("alias")) for one in control.iter("Choice")]


def test_the_project_follows(labelled: Labelled, owner: Person) -> None:
    tasks, store = labelled.tasks(owner), open_store(labelled.bench.root)
    for task, name in zip(tasks, ("blue", "green", "red"), strict=False):
        annotate(owner, task, choice(name))
    assert sorted(labelled.said().values()) == ["blue", "green", "red"]
    amend_campaign(store, WantedChanges(renamed=["blue=navy"], classes=["+violet"]), "")
    assert sorted(labelled.said().values()) == ["green", "navy", "red"]
    assert shown(owner, labelled.project) == [("navy", "blue"), ("green", None), ("red", None), ("violet", None)]
    annotate(owner, tasks[3], choice("violet"))
    amend_campaign(store, WantedChanges(merged=["green,red=warm"], renamed=["navy=dark"]), "")
    labelled.publish()
    assert sorted(labelled.said().values()) == ["dark", "violet", "warm", "warm"]
    assert shown(owner, labelled.project) == [
        ("dark", "blue"),
        ("warm", "green"),
        ("warm (was red)", "red"),
        ("violet", None),
    ]
    assert labelled.publish().sent == 0
