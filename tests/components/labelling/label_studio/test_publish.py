"""Publishing a query: every sample has its task, once, whatever fails on the way."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.queries import read_query
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.delivery_order import as_delivered
from labelcycle.components.labelling.label_studio import image_links
from labelcycle.components.labelling.label_studio.image_links import Link
from labelcycle.components.labelling.label_studio.project import Controls
from labelcycle.components.labelling.label_studio.send_query import SentTasks, publish_query
from labelcycle.components.labelling.label_studio.tasks import Wanted, new_task
from tests.components.labelling.label_studio.conftest import IDS
from tests.harness.label_studio_api import Api

MakeCampaign = Callable[..., Campaign]
MakeCommit = Callable[..., Commit]

pytestmark = pytest.mark.usefixtures("pauses")


def counts(published: SentTasks) -> dict[str, int]:
    names = ("sent", "present", "reopened", "renewed", "removed")
    return {name: getattr(published, name) for name in names if getattr(published, name)}


def samples(api: Api) -> list[str]:
    return [task["data"]["sample_id"] for task in api.tasks.values()]


def test_what_a_task_holds(store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit) -> None:
    campaign = make_campaign(predictions=True)
    published = publish_query(store, campaign, make_commit(IDS[:2], predicted=["dog", None]))
    assert counts(published) == {"sent": 2}
    (number,) = api.projects
    assert published.project_url == f"{api.url}/projects/{number}"
    first, second = api.tasks.values()
    assert first["data"] == {
        "image": "http://images.example.org/pool/cats/1.png",
        "sample_id": "cats/1.png",
        "campaign": campaign.identifier,
        "cycle": 3,
        "rank": 1,
        "opinion": 1,
        "reason": "entropy 0.500",
        "link_until": "",
    }
    (prediction,) = first["predictions"]
    assert prediction["score"] == 0.75 and prediction["model_version"] == campaign.identifier
    assert prediction["result"][0]["value"] == {"choices": ["dog"]} and prediction["result"][0]["from_name"] == "label"
    assert second["data"]["image"].endswith("/dogs/%C3%BC%202.png") and second["predictions"] == []


def test_people_see_no_prediction_unless_asked_for(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    publish_query(store, make_campaign(), make_commit(IDS[:2], predicted=["dog", "cat"]))
    (project,) = api.projects.values()
    assert [task["predictions"] for task in api.tasks.values()] == [[], []]
    assert project["show_collab_predictions"] is False


def test_who_gives_a_further_opinion_sees_no_prediction(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    publish_query(store, make_campaign(predictions=True), make_commit(IDS[:1], predicted=["dog"], opinion=2))
    assert [task["predictions"] for task in api.tasks.values()] == [[]]
    again = Wanted("3.png", 4, 1, 1, "in doubt", "dog", 0.9, recheck=True)
    assert "predictions" not in new_task(again, Link("http://images/3.png", ""), Controls(), "animals", True)


def test_tasks_of_withdrawn_samples_are_removed_whatever_they_hold(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit, withdraw: MakeCampaign
) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit(IDS[:4]))
    first = next(iter(api.tasks.values()))
    first["annotations"].append({"id": 1, "result": [], "was_cancelled": False})
    campaign = withdraw(campaign, [IDS[0], IDS[3]])
    published = publish_query(store, campaign, make_commit(IDS[2:], cycle=4))
    assert (published.withdrawn, published.sent, published.present) == (2, 1, 1)
    assert samples(api) == [IDS[1], IDS[2], IDS[4]]
    assert publish_query(store, campaign, make_commit(IDS[2:], cycle=4)).withdrawn == 0


def test_samples_to_test_with_are_mixed_among_the_others(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    campaign = make_campaign().model_copy(update={"test_from_budget": 2})
    commit = make_commit(IDS, cycle=0)
    publish_query(store, campaign, commit)
    query = read_query(store, commit.objects["query"])
    assert samples(api) == as_delivered(query, campaign, 0)["sample_id"].to_pylist() != IDS


def checking(campaign: Campaign) -> Campaign:
    """The same campaign, with rechecks."""
    selector = campaign.recipe.selector.model_copy(update={"recheck": 0.1})
    return campaign.model_copy(update={"recipe": campaign.recipe.model_copy(update={"selector": selector})})


def test_twice_is_once(store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit(IDS[:3]))
    assert counts(publish_query(store, campaign, make_commit(IDS[:3]))) == {"present": 3}
    assert counts(publish_query(store, campaign, make_commit(IDS))) == {"present": 3, "sent": 2}
    assert samples(api) == IDS


def test_in_calls_of_a_size(store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit) -> None:
    publish_query(store, make_campaign(), make_commit(IDS), tasks_a_call=2)
    assert sum("/import" in path for _, path, _ in api.calls) == 3
    assert samples(api) == IDS


@pytest.mark.parametrize("kind", ["lost", "torn", "500", "504", "429", "503"])
def test_no_duplicates_after_a_failed_call(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit, kind: str
) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit([]))
    (number,) = api.projects
    api.fail("POST", f"/api/projects/{number}/import", kind, times=2)
    assert counts(publish_query(store, campaign, make_commit(IDS), tasks_a_call=2)) == {"sent": 5}
    assert sorted(samples(api)) == sorted(IDS)


def test_a_server_that_takes_nothing(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit([]))
    (number,) = api.projects
    api.fail("POST", f"/api/projects/{number}/import", 500, times=100)
    with pytest.raises(TransientError, match="failed .500"):
        publish_query(store, campaign, make_commit(IDS))
    assert api.tasks == {}


def test_what_is_taken_but_not_listed_is_not_sent_again(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "import_tasks", lambda number, content: (201, {"import": 1}))
    with pytest.raises(TransientError, match="has taken 5 tasks for .*but does not list them yet"):
        publish_query(store, make_campaign(), make_commit(IDS))
    assert sum("/import" in path for _, path, _ in api.calls) == 1


def test_a_race_leaves_one_task_a_sample(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    campaign, commit = make_campaign(), make_commit(IDS)
    threads = [threading.Thread(target=publish_query, args=(store, campaign, commit, 1)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publish_query(store, campaign, commit)
    assert sorted(samples(api)) == sorted(IDS) and len(api.projects) == 1


def test_duplicates_go_unless_somebody_answered(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit(IDS[:3]))
    originals = dict(zip(IDS, api.tasks.values(), strict=False))
    (project,) = api.projects
    twins = [api.add_task(project, **originals[name]["data"]) for name in IDS[:3]]
    api.annotate(twins[0], "cat")
    api.annotate(originals[IDS[1]]["id"], "cat", 1)
    api.annotate(twins[1], "dog", 2)
    assert counts(publish_query(store, campaign, make_commit(IDS[:3]))) == {"present": 3, "removed": 2}
    assert set(api.tasks) == {twins[0], originals[IDS[1]]["id"], twins[1], originals[IDS[2]]["id"]}


def test_a_duplicate_that_is_answered_meanwhile_stays(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit(IDS[:1]))
    (project,), (task,) = api.projects, api.tasks.values()
    twin = api.add_task(project, **task["data"])
    listed = api.list_tasks

    def then_annotate(query: dict[str, str]) -> tuple[int, Any]:
        answer = listed(query)
        if not api.tasks[twin]["annotations"]:
            api.annotate(twin, "cat")
        return answer

    monkeypatch.setattr(api, "list_tasks", then_annotate)
    assert counts(publish_query(store, campaign, make_commit(IDS[:1]))) == {"present": 1}
    assert twin in api.tasks


def test_a_further_opinion_opens_the_same_task_for_one_more(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit(IDS[:2]))
    task = next(iter(api.tasks.values()))
    api.annotate(task["id"], "cat", 1)
    task["is_labeled"] = True
    further = make_commit([IDS[0], IDS[4]], cycle=4, opinion=2)
    assert counts(publish_query(store, campaign, further)) == {"present": 1, "sent": 1, "reopened": 1}
    assert len(api.tasks) == 3
    again = api.tasks[task["id"]]
    assert (again["overlap"], again["is_labeled"], len(again["annotations"])) == (2, False, 1)
    assert (again["data"]["opinion"], again["data"]["cycle"]) == (2, 4)
    assert counts(publish_query(store, campaign, further)) == {"present": 2}
    assert again["overlap"] == 2


def test_a_recheck_is_a_task_of_its_own_that_shows_nothing_of_the_first(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    campaign = checking(make_campaign())
    publish_query(store, campaign, make_commit(IDS[:2]))
    first = next(iter(api.tasks.values()))
    api.annotate(first["id"], "cat", 1)
    again = make_commit(IDS[:1], cycle=4, predicted=["dog"], opinion=2, recheck=True)
    assert counts(publish_query(store, campaign, again)) == {"sent": 1}
    assert counts(publish_query(store, campaign, again)) == {"present": 1}
    task = list(api.tasks.values())[-1]
    assert task["annotations"] == task["predictions"] == [] and task["id"] != first["id"]
    assert (task["data"]["sample_id"], task["data"]["reason"], task["data"]["cycle"]) == (IDS[0], "", 4)
    assert first["data"]["cycle"] == 3 and first["overlap"] == 1
    publish_query(store, campaign, make_commit(IDS[:1], cycle=5, opinion=3))
    assert first["overlap"] == 2 and len(api.tasks) == 3


def test_a_further_opinion_is_that_of_as_many_people_as_the_first(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    campaign = make_campaign(quorum=2)
    publish_query(store, campaign, make_commit(IDS[:1]))
    task = next(iter(api.tasks.values()))
    for person, label in enumerate(("cat", "dog"), start=1):
        api.annotate(task["id"], label, person)
    publish_query(store, campaign, make_commit(IDS[:1], cycle=4, opinion=2))
    assert task["overlap"] == 4


def test_a_task_that_vanishes_meanwhile_stops_nothing(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit(IDS[:2]))
    gone = next(iter(api.tasks))
    with monkeypatch.context() as vanishing:
        vanishing.setattr(api, "answer_task", lambda method, number, content: (404, {"detail": "gone"}))
        assert counts(publish_query(store, campaign, make_commit(IDS[:2], cycle=4, opinion=2))) == {"present": 2}
    del api.tasks[gone]
    assert counts(publish_query(store, campaign, make_commit(IDS[:2]))) == {"present": 1, "sent": 1}


def test_a_further_opinion_gets_a_link_that_holds(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit, s3_endpoint: str
) -> None:
    image_links.signing_client.cache_clear()
    campaign = make_campaign(folder="s3://bucket/pool/")
    publish_query(store, campaign, make_commit(IDS[:1]))
    (task,) = api.tasks.values()
    task["data"] |= {"link_until": "2026-01-01T00:00:00+00:00", "image": "old"}
    published = publish_query(store, campaign, make_commit(IDS[:1], cycle=4, opinion=2))
    assert counts(published) == {"present": 1, "reopened": 1, "renewed": 1}
    (task,) = api.tasks.values()
    assert "X-Amz-Signature" in task["data"]["image"] and task["data"]["opinion"] == 2
    image_links.signing_client.cache_clear()


def test_tasks_of_others_are_left_alone(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit([]))
    (project,) = api.projects
    foreign = [
        api.add_task(project, image="x", sample_id=IDS[0], campaign="another"),
        api.add_task(project, image="x"),
    ]
    before = {number: dict(api.tasks[number]) for number in foreign}
    assert counts(publish_query(store, campaign, make_commit(IDS[:1]))) == {"sent": 1}
    assert {number: api.tasks[number] for number in foreign} == before


def test_links_that_run_out_are_renewed_for_open_tasks(
    store: Store,
    api: Api,
    make_campaign: MakeCampaign,
    make_commit: MakeCommit,
    s3_endpoint: str,
) -> None:
    image_links.signing_client.cache_clear()
    campaign = make_campaign(folder="s3://bucket/pool/", link_hours=1)
    publish_query(store, campaign, make_commit(IDS[:3]))
    addresses = {number: task["data"]["image"] for number, task in api.tasks.items()}
    assert all(address.startswith(f"{s3_endpoint}/bucket/pool/") for address in addresses.values())
    assert counts(publish_query(store, campaign, make_commit(IDS[:3]))) == {"present": 3}
    answered, first, second = api.tasks
    for task in api.tasks.values():
        task["data"]["link_until"] = "2026-01-01T00:00:00+00:00"
        task["data"]["image"] = "old"
    api.tasks[answered]["is_labeled"] = True
    assert counts(publish_query(store, campaign, make_commit(IDS[3:], cycle=4))) == {"sent": 2, "renewed": 2}
    assert api.tasks[answered]["data"]["image"] == "old"
    for number in (first, second):
        data = api.tasks[number]["data"]
        assert "X-Amz-Signature" in data["image"] and data["link_until"] > "2026-01-02" and data["cycle"] == 3
    image_links.signing_client.cache_clear()


def test_images_that_cannot_be_shown_stop_it_before_a_project_is_made(
    store: Store, api: Api, make_campaign: MakeCampaign, make_commit: MakeCommit
) -> None:
    with pytest.raises(ConfigurationError, match="--image-server"):
        publish_query(store, make_campaign(image_server=None), make_commit(IDS))
    assert not api.projects


def test_without_a_tool(store: Store, campaign: Campaign, make_commit: MakeCommit) -> None:
    with pytest.raises(ConfigurationError, match="no labelling tool"):
        publish_query(store, campaign, make_commit(IDS))
