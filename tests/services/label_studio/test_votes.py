"""Answers that people give in a real Label Studio, as votes."""

import json
from pathlib import Path

import pytest

from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.labelling.json_labels import votes_of_export
from labelcycle.components.labelling.label_file import read_votes_file
from labelcycle.components.labelling.sample_ids import SampleIds
from tests.services.label_studio.conftest import Labelled, annotate, choice
from tests.services.label_studio.server import Person


def test_two_people_answer_change_their_minds_and_take_answers_back(
    labelled: Labelled, owner: Person, colleague: Person
) -> None:
    tasks = labelled.tasks(owner)
    names = [task["data"]["sample_id"] for task in tasks]
    ours, theirs = owner.email, colleague.email
    assert labelled.said() == {}
    annotate(owner, tasks[0], choice("red"))
    changed = annotate(colleague, tasks[0], choice("blue"))
    annotate(owner, tasks[1], was_cancelled=True)
    taken_back = annotate(owner, tasks[2], choice("green"))
    annotate(colleague, tasks[3], choice("green"), choice("unsure", "doubt"))
    colleague.call("POST", f"/api/tasks/{tasks[4]['id']}/drafts", {"result": [choice("red")]})
    assert labelled.said() == {
        (names[0], ours): "red",
        (names[0], theirs): "blue",
        (names[1], ours): "skip",
        (names[2], ours): "green",
        (names[3], theirs): "unsure",
    }
    colleague.call("PATCH", f"/api/annotations/{changed['id']}/", {"result": [choice("red")]})
    owner.call("DELETE", f"/api/annotations/{taken_back['id']}/")
    assert labelled.said() == {
        (names[0], ours): "red",
        (names[0], theirs): "red",
        (names[1], ours): "skip",
        (names[3], theirs): "unsure",
    }
    first = next(vote for vote in labelled.votes() if vote.annotator == ours)
    assert first.source == labelled.published.project_url and first.time.endswith("Z")


def test_the_last_of_two_annotations_by_one_person_counts(labelled: Labelled, owner: Person) -> None:
    task, *_ = labelled.tasks(owner)
    first = annotate(owner, task, choice("red"))
    annotate(owner, task, choice("blue"))
    assert list(labelled.said().values()) == ["blue"]
    owner.call("PATCH", f"/api/annotations/{first['id']}/", {"result": [choice("green")]})
    assert list(labelled.said().values()) == ["green"]


def test_what_cannot_be_counted_is_named(
    labelled: Labelled, owner: Person, colleague: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = labelled.tasks(owner)
    empty = annotate(owner, tasks[0])
    annotate(owner, tasks[1], choice("violet"))
    annotate(owner, tasks[2], choice("red"))
    foreign = owner.call(
        "POST", f"/api/projects/{labelled.project}/import?return_task_ids=true", [{"data": {"image": "http://h/a.png"}}]
    )
    annotate(owner, {"id": foreign["task_ids"][0]}, choice("red"))
    assert labelled.said() == {(tasks[2]["data"]["sample_id"], owner.email): "red"}
    told = capsys.readouterr().err
    assert f"task {tasks[0]['id']}, annotation {empty['id']}: it is empty. Let {owner.email}" in told
    assert "'violet' is not one of the campaign's classes" in told
    assert f"task {foreign['task_ids'][0]} is not of this campaign" in told


def test_a_renamed_class_and_a_deleted_project(labelled: Labelled, owner: Person) -> None:
    project = f"/api/projects/{labelled.project}/"
    configuration = owner.call("GET", project)["label_config"]
    owner.call("PATCH", project, {"label_config": configuration.replace('"red"', '"crimson"')})
    with pytest.raises(CampaignError, match="Missing there: 'red'. Not a class: 'crimson'"):
        labelled.votes()
    owner.call("PATCH", project, {"label_config": configuration})
    assert labelled.votes() == []
    owner.call("DELETE", project)
    with pytest.raises(CampaignError, match="labelcycle publish makes a new one"):
        labelled.votes()


def test_exports_say_the_same(labelled: Labelled, owner: Person, colleague: Person, tmp_path: Path) -> None:
    tasks = labelled.tasks(owner)
    annotate(owner, tasks[0], choice("red"))
    annotate(colleague, tasks[0], choice("blue"))
    annotate(owner, tasks[1], was_cancelled=True)
    annotate(owner, tasks[2], choice("unsure", "doubt"))
    read = {(vote.sample_id, vote.label or vote.status) for vote in labelled.votes()}
    ids = SampleIds(sample_uris(labelled.bench.work.store, labelled.bench.state.campaign))
    for kind in ("JSON", "JSON_MIN"):
        export = owner.call("GET", f"/api/projects/{labelled.project}/export?exportType={kind}")
        path = tmp_path / f"{kind}.json"
        path.write_text(json.dumps(export))
        found = read_votes_file(str(path), ids, ["blue", "green", "red"])
        said = {(vote.sample_id, vote.label or vote.status) for vote in found}
        assert said == (read if kind == "JSON" else {answer for answer in read if answer[1] != "skip"})
        assert {vote.annotator for _, _, vote in votes_of_export(export, str(path))} <= {"user 1", "user 2"}
