"""Publishing to a real Label Studio."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests

from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.config.labelling import Labelling, LabelStudioTool
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import open_store
from labelcycle.components.core.storage.tables import QUERY, write_table
from labelcycle.components.labelling.label_studio import image_links
from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.project import find_or_create_project
from labelcycle.components.labelling.label_studio.read_votes import read_votes
from labelcycle.components.labelling.label_studio.send_query import publish_query
from labelcycle.components.labelling.label_studio.tasks import list_tasks
from labelcycle.components.labelling.label_studio.tokens import token_of
from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
from labelcycle.pipelines.amending.sample_changes import WantedSamples
from tests.conftest import CLASSES, Pictures
from tests.services.label_studio.conftest import Labelled, annotate, choice
from tests.services.label_studio.server import LabelStudioServer, Person


def test_tasks_are_there_once_however_often_they_are_sent(labelled: Labelled, owner: Person, image_server: str) -> None:
    # The stage has published already; Labelled did it again.
    assert (labelled.published.sent, labelled.published.present) == (0, 8)
    assert (labelled.publish().sent, labelled.publish().present) == (0, 8)
    tasks = labelled.tasks(owner)
    assert len(tasks) == 8 and len({task["data"]["sample_id"] for task in tasks}) == 8
    assert [task["data"]["rank"] for task in tasks] == list(range(1, 9))
    data = tasks[0]["data"]
    assert data["campaign"] == labelled.bench.state.campaign.identifier and data["cycle"] == 0
    assert data["image"] == f"{image_server}/{data['sample_id']}"
    assert requests.get(data["image"], timeout=30).headers["Content-Type"] == "image/png"


def test_the_project_asks_what_the_campaign_needs(begin_labelling: Callable[..., Labelled], owner: Person) -> None:
    labelled = begin_labelling(quorum=2)
    project = owner.call("GET", f"/api/projects/{labelled.project}/")
    assert project["parsed_label_config"]["label"]["labels"] == CLASSES
    assert project["title"] == labelled.bench.state.campaign.identifier
    assert project["maximum_annotations"] == 2 and not project["show_collab_predictions"]
    assert 'hotkey="1"' in project["label_config"]
    assert {task["overlap"] for task in labelled.tasks(owner)} == {2}


def test_predictions_come_along_and_are_shown(
    begin_labelling: Callable[..., Labelled], owner: Person, colleague: Person
) -> None:
    labelled = begin_labelling(label_studio_predictions=True)
    for task in labelled.tasks(owner):
        annotate(colleague, task, choice(task["data"]["sample_id"].split("/")[0]))
    assert labelled.bench.run_cycle().cycle == 1
    published = labelled.publish()
    assert (published.sent, published.present) == (0, 8)
    tasks = [task for task in labelled.tasks(owner) if task["data"]["cycle"] == 1]
    assert len(tasks) == 8
    for task in tasks:
        (prediction,) = task["predictions"]
        assert prediction["result"][0]["value"]["choices"][0] in CLASSES and 0 < prediction["score"] <= 1
        assert prediction["model_version"] == labelled.bench.state.campaign.identifier
    project = owner.call("GET", f"/api/projects/{labelled.project}/")
    assert project["model_version"] == labelled.bench.state.campaign.identifier
    assert project["show_collab_predictions"]


def test_tasks_of_withdrawn_samples_are_removed_with_their_answers(
    labelled: Labelled, owner: Person, tmp_path: Path
) -> None:
    first, second, third, *others = labelled.tasks(owner)
    for task in (first, third):
        annotate(owner, task, choice(task["data"]["sample_id"].split("/")[0]))
    gone = [task["data"]["sample_id"] for task in (first, second)]
    store = open_store(labelled.bench.root)
    (tmp_path / "gone.csv").write_text("\n".join(["sample_id", *gone]))
    amend_campaign(store, WantedChanges(samples=WantedSamples(withdraw=str(tmp_path / "gone.csv"))), "")
    campaign = labelled.bench.state.campaign
    votes = read_votes(store, campaign)
    assert [vote.sample_id for vote in votes] == [third["data"]["sample_id"]]
    assert [task["id"] for task in labelled.tasks(owner)] == [third["id"], *(task["id"] for task in others)]
    published = publish_query(store, campaign, labelled.bench.state.commits[-1])
    assert (published.sent, published.present, published.withdrawn) == (0, 6, 0)


def test_several_at_once_leave_one_project_and_one_task_a_sample(
    begin_labelling: Callable[..., Labelled], owner: Person
) -> None:
    labelled = begin_labelling()
    owner.call("DELETE", f"/api/projects/{labelled.project}/")
    threads = [threading.Thread(target=labelled.publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    published = labelled.publish()
    assert (published.sent, published.present) == (0, 8)
    labelled.project = int(published.project_url.rpartition("/")[2])
    samples = [task["data"]["sample_id"] for task in labelled.tasks(owner)]
    assert len(samples) == len(set(samples)) == 8
    title = labelled.bench.state.campaign.identifier
    assert owner.call("GET", f"/api/projects/?title={title}")["count"] == 1


def test_a_deleted_task_comes_back(labelled: Labelled, owner: Person) -> None:
    gone = labelled.tasks(owner)[3]
    owner.call("DELETE", f"/api/tasks/{gone['id']}/")
    assert labelled.publish().sent == 1
    back = [task["data"]["sample_id"] for task in labelled.tasks(owner)]
    assert sorted(back).count(gone["data"]["sample_id"]) == 1 and len(back) == 8


def test_a_further_opinion_is_asked_of_somebody_else(labelled: Labelled, owner: Person, colleague: Person) -> None:
    task = labelled.tasks(owner)[0]
    for each in labelled.tasks(owner):
        annotate(owner, each, choice("blue"))
    next_task = f"/api/projects/{labelled.project}/next/"
    with pytest.raises(AssertionError, match="404"):
        colleague.call("GET", next_task)
    store, campaign = labelled.bench.work.store, labelled.bench.state.campaign
    query = read_query(store, labelled.commit.objects["query"]).slice(0, 1)
    opinions = pa.array([2], QUERY.field("opinion").type)
    query = query.set_column(QUERY.get_field_index("opinion"), QUERY.field("opinion"), opinions)
    further = Commit(cycle=1, attempt="a", objects={"query": write_table(store, "further.parquet", query)})
    for reopened in (1, 0):
        published = publish_query(store, campaign, further)
        assert (published.sent, published.present, published.reopened) == (0, 1, reopened)
    assert colleague.call("GET", next_task)["id"] == task["id"]
    with pytest.raises(AssertionError, match="404"):
        owner.call("GET", next_task)
    annotate(colleague, task, choice("red"))
    with pytest.raises(AssertionError, match="404"):
        colleague.call("GET", next_task)
    name = task["data"]["sample_id"]
    assert labelled.said()[(name, owner.email)] == "blue" and labelled.said()[(name, colleague.email)] == "red"


def test_a_recheck_is_asked_of_who_answered_first_too(labelled: Labelled, owner: Person) -> None:
    task = labelled.tasks(owner)[0]
    for each in labelled.tasks(owner):
        annotate(owner, each, choice("blue"))
    store, campaign = labelled.bench.work.store, labelled.bench.state.campaign
    query = read_query(store, labelled.commit.objects["query"]).slice(0, 1)
    for name, value in (("opinion", 2), ("recheck", True)):
        column = pa.array([value], QUERY.field(name).type)
        query = query.set_column(QUERY.get_field_index(name), QUERY.field(name), column)
    again = Commit(cycle=1, attempt="a", objects={"query": write_table(store, "recheck.parquet", query)})
    for sent in (1, 0):
        published = publish_query(store, campaign, again)
        assert (published.sent, published.present, published.reopened) == (sent, 1 - sent, 0)
    following = owner.call("GET", f"/api/projects/{labelled.project}/next/")
    name = task["data"]["sample_id"]
    assert following["id"] != task["id"] and following["data"]["sample_id"] == name
    assert following["annotations"] == following["predictions"] == []
    annotate(owner, following, choice("red"))
    said = labelled.said()
    assert said[(name, owner.email)] == "blue" and said[(name, f"{owner.email}, cycle 1")] == "red"


def wait_until_labelled(person: Person, task: dict[str, Any], annotation: dict[str, Any]) -> None:
    """Wait for the server to count an annotation, which it does a moment after it has taken it.

    While it still reckons with the tasks that were imported it may write the count of a moment before over the new one;
    saving the annotation again makes it count again.
    """
    for number in range(1, 121):
        if person.call("GET", f"/api/tasks/{task['id']}/")["is_labeled"]:
            return
        if number % 10 == 0:
            person.call("PATCH", f"/api/annotations/{annotation['id']}/", {"result": annotation["result"]})
        time.sleep(0.5)
    raise AssertionError(f"task {task['id']} is never labelled")


def test_images_in_s3_are_signed_and_signed_again(
    begin_labelling: Callable[..., Labelled], owner: Person, pictures: Pictures, s3_root: str
) -> None:
    image_links.signing_client.cache_clear()
    bucket = open_store(s3_root)
    for path in pictures.images.rglob("*.png"):
        bucket.write(f"images/{path.relative_to(pictures.images).as_posix()}", path.read_bytes())
    labelled = begin_labelling(images=f"{s3_root}/images", link_hours=1)
    first, second, *_ = labelled.tasks(owner)
    assert requests.get(first["data"]["image"], timeout=30).content.startswith(b"\x89PNG")
    annotation = annotate(owner, first, choice("red"))
    wait_until_labelled(owner, first, annotation)
    for task in (first, second):
        data = task["data"] | {"link_until": "2026-01-01T00:00:00+00:00", "image": "http://127.0.0.1:1/old"}
        owner.call("PATCH", f"/api/tasks/{task['id']}/", {"data": data})
    assert list(labelled.said().values()) == ["red"]
    answered, renewed, *_ = labelled.tasks(owner)
    assert answered["data"]["image"].endswith("/old")
    assert requests.get(renewed["data"]["image"], timeout=30).ok
    assert renewed["data"]["rank"] == 2 and renewed["data"]["link_until"] > "2026-01-02"
    image_links.signing_client.cache_clear()


def test_listing_goes_on_after_the_last_number_seen(labelled: Labelled, token: str) -> None:
    server = LabelStudio(labelled.server.url, token_of(token, "the test"))
    sizes = {size: [task["id"] for task in list_tasks(server, labelled.project, "id", size)] for size in (1, 3, 8, 100)}
    assert len(sizes[1]) == 8 and len({json.dumps(ids) for ids in sizes.values()}) == 1


def test_a_project_of_ones_own(
    begin_labelling: Callable[..., Labelled], owner: Person, studio: LabelStudioServer, token: str
) -> None:
    choices = "".join(f'<Choice value="see {name}" alias="{name}"/>' for name in CLASSES)
    configuration = (
        '<View><Image name="photo" value="$picture"/>'
        f'<Choices name="colour" toName="photo">{choices}<Choice value="unsure"/></Choices></View>'
    )
    own = owner.call("POST", "/api/projects/", {"title": "one of our own", "label_config": configuration})
    labelled = begin_labelling(label_studio_project=own["id"], label_studio_predictions=True)
    assert labelled.project == own["id"]
    first, second, *others = labelled.tasks(owner)
    assert first["data"]["picture"].startswith("http://")
    given = {"from_name": "colour", "to_name": "photo", "type": "choices"}
    annotate(owner, first, given | {"value": {"choices": ["green"]}})
    annotate(owner, second, given | {"value": {"choices": ["unsure"]}})
    assert sorted(labelled.said().values()) == ["green", "unsure"]
    for task in others:
        annotate(owner, task, given | {"value": {"choices": [task["data"]["sample_id"].split("/")[0]]}})
    assert labelled.bench.run_cycle().cycle == 1
    predictions = [task["predictions"] for task in labelled.tasks(owner) if task["data"]["cycle"] == 1]
    assert len(predictions) == 8
    for (prediction,) in predictions:
        (result,) = prediction["result"]
        assert (result["from_name"], result["to_name"]) == ("colour", "photo")
        assert result["value"]["choices"][0] in CLASSES


def test_projects_that_do_not_fit(labelled: Labelled, owner: Person, token: str) -> None:
    campaign = labelled.bench.state.campaign
    server = LabelStudio(labelled.server.url, token_of(token, "the test"))
    tool = LabelStudioTool(url=labelled.server.url, project=99999)
    with pytest.raises(CampaignError, match="no project 99999 in Label Studio"):
        find_or_create_project(server, campaign.model_copy(update={"labelling": Labelling(tool=tool)}))
    other = owner.call(
        "POST",
        "/api/projects/",
        {"title": "another", "label_config": '<View><Image name="image" value="$image"/></View>'},
    )
    tool = LabelStudioTool(url=labelled.server.url, project=other["id"])
    with pytest.raises(CampaignError, match="no choices with the campaign's classes"):
        find_or_create_project(server, campaign.model_copy(update={"labelling": Labelling(tool=tool)}))
    renamed = owner.call("GET", f"/api/projects/{labelled.project}/")["label_config"].replace('"red"', '"crimson"')
    owner.call("PATCH", f"/api/projects/{labelled.project}/", {"label_config": renamed})
    with pytest.raises(CampaignError, match="Missing there: 'red'. Not a class: 'crimson'"):
        labelled.publish()
