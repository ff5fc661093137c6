"""Reading votes: all that counts, once, page by page; what does not count is named."""

from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.campaign.votes import Vote
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.label_studio import image_links
from labelcycle.components.labelling.label_studio.read_votes import read_votes
from labelcycle.components.labelling.label_studio.send_query import publish_query
from tests.components.labelling.label_studio.conftest import IDS
from tests.harness.label_studio_api import Api, chosen

ANN, BOB = "person1@example.org", "person2@example.org"

pytestmark = pytest.mark.usefixtures("pauses")


@pytest.fixture
def published(
    store: Store, api: Api, make_campaign: Callable[..., Campaign], make_commit: Callable[..., Commit]
) -> Campaign:
    """A campaign whose five samples are tasks."""
    campaign = make_campaign()
    publish_query(store, campaign, make_commit(IDS))
    return campaign


@pytest.fixture
def tasks(api: Api, published: Campaign) -> dict[str, int]:
    """The number of each sample's task."""
    return {task["data"]["sample_id"]: number for number, task in api.tasks.items()}


def said(votes: list[Vote]) -> dict[tuple[str, str], str]:
    return {(vote.sample_id, vote.annotator): vote.label or vote.status for vote in votes}


def test_a_second_answer_to_a_recheck_is_another_vote(
    store: Store, api: Api, published: Campaign, tasks: dict[str, int], make_commit: Callable[..., Commit]
) -> None:
    api.annotate(tasks[IDS[0]], "cat", 1)
    publish_query(store, published, make_commit(IDS[:1], cycle=4, opinion=2, recheck=True))
    api.annotate(max(api.tasks), "dog", 1)
    assert said(read_votes(store, published)) == {(IDS[0], ANN): "cat", (IDS[0], f"{ANN}, cycle 4"): "dog"}


def test_every_answer_is_a_vote(store: Store, api: Api, published: Campaign, tasks: dict[str, int]) -> None:
    api.annotate(tasks[IDS[0]], "cat", 1, updated_at="2026-01-02T03:04:05Z")
    api.annotate(tasks[IDS[0]], "dog", 2)
    api.annotate(tasks[IDS[1]], None, 1)
    api.annotate(tasks[IDS[2]], "cat", 1, result=[chosen("cat"), chosen("unsure", "doubt")])
    votes = read_votes(store, published)
    assert said(votes) == {
        (IDS[0], ANN): "cat",
        (IDS[0], BOB): "dog",
        (IDS[1], ANN): "skip",
        (IDS[2], ANN): "unsure",
    }
    (project,) = api.projects
    first = next(vote for vote in votes if (vote.sample_id, vote.annotator) == (IDS[0], ANN))
    assert first == Vote(IDS[0], ANN, "cat", "ok", "2026-01-02T03:04:05Z", f"{api.url}/projects/{project}")


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_pages(store: Store, api: Api, published: Campaign, tasks: dict[str, int], size: int) -> None:
    for number in tasks.values():
        api.annotate(number, "cat")
    assert len(read_votes(store, published, page_size=size)) == len(IDS)
    assert api.count("GET", "/api/tasks/") >= len(IDS) / size


def test_pages_while_tasks_come_and_go(
    store: Store, api: Api, published: Campaign, tasks: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in tasks.values():
        api.annotate(number, "cat")
    listed = api.list_tasks

    def then_delete(query: dict[str, str]) -> tuple[int, Any]:
        answer = listed(query)
        api.tasks.pop(tasks[IDS[0]], None)
        return answer

    monkeypatch.setattr(api, "list_tasks", then_delete)
    assert len(read_votes(store, published, page_size=2)) == len(IDS)


def test_the_last_answer_of_a_person_counts(store: Store, api: Api, published: Campaign, tasks: dict[str, int]) -> None:
    task = tasks[IDS[0]]
    api.annotate(task, "cat", updated_at="2026-01-02T00:00:00.5Z")
    api.annotate(task, "dog", updated_at="2026-01-02T00:00:00Z")
    assert said(read_votes(store, published)) == {(IDS[0], ANN): "cat"}
    api.annotate(task, "dog", updated_at="2026-01-02T00:00:00.5Z")
    assert said(read_votes(store, published)) == {(IDS[0], ANN): "dog"}
    twin = api.add_task(api.tasks[task]["project"], **api.tasks[task]["data"])
    api.annotate(twin, None, updated_at="2026-01-03T00:00:00Z")
    assert said(read_votes(store, published)) == {(IDS[0], ANN): "skip"}
    api.tasks[twin]["annotations"].clear()
    assert said(read_votes(store, published)) == {(IDS[0], ANN): "dog"}


def test_one_bad_annotation_loses_no_other(
    store: Store, api: Api, published: Campaign, tasks: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    api.annotate(tasks[IDS[0]], "cat", 1)
    bad = api.annotate(tasks[IDS[0]], "cat", 1, result=[])
    api.annotate(tasks[IDS[1]], "bird", 2)
    api.annotate(tasks[IDS[2]], "dog", 2)
    assert said(read_votes(store, published)) == {(IDS[0], ANN): "cat", (IDS[2], BOB): "dog"}
    told = capsys.readouterr().err
    assert "2 annotations in" in told
    assert f"task {tasks[IDS[0]]}, annotation {bad['id']}: it is empty. Let {ANN} choose a class" in told
    assert f"'bird' is not one of the campaign's classes: cat, dog. Let {BOB} choose again" in told


def test_tasks_that_are_not_the_campaigns_are_named(
    store: Store, api: Api, published: Campaign, tasks: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    (project,) = api.projects
    other = api.add_task(project, sample_id=IDS[0], campaign="another")
    unknown = api.add_task(project, sample_id="nobody.png", campaign=published.identifier)
    quiet = api.add_task(project, text="no answer yet")
    for number in (other, unknown):
        api.annotate(number, "cat")
    assert read_votes(store, published) == []
    told = capsys.readouterr().err
    assert "2 annotated tasks in" in told and f"task {other} is not of this campaign" in told
    assert f"task {unknown} asks about 'nobody.png', which is no sample" in told and f"task {quiet} " not in told


def test_links_that_run_out_are_renewed_on_the_way(
    store: Store,
    api: Api,
    make_campaign: Callable[..., Campaign],
    make_commit: Callable[..., Commit],
    s3_endpoint: str,
) -> None:
    image_links.signing_client.cache_clear()
    campaign = make_campaign(folder="s3://bucket/pool/")
    publish_query(store, campaign, make_commit(IDS))
    first, second, *_ = api.tasks
    for number in (first, second):
        api.tasks[number]["data"] |= {"link_until": "2026-01-01T00:00:00+00:00", "image": "old"}
    api.annotate(first, "cat")
    api.tasks[first]["is_labeled"] = True
    assert said(read_votes(store, campaign)) == {(IDS[0], ANN): "cat"}
    assert api.tasks[first]["data"]["image"] == "old"
    assert "X-Amz-Signature" in api.tasks[second]["data"]["image"]
    assert api.count("PATCH") == 1
    read_votes(store, campaign)
    assert api.count("PATCH") == 1
    image_links.signing_client.cache_clear()


def test_names_in_a_notice_are_few(
    store: Store, api: Api, published: Campaign, tasks: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    for person in range(20):
        api.annotate(tasks[IDS[0]], "bird", person)
    read_votes(store, published)
    told = capsys.readouterr().err
    assert "20 annotations" in told and told.count("'bird'") == 5 and "; …" in told


def test_a_project_that_is_gone(store: Store, api: Api, published: Campaign) -> None:
    api.projects.clear()
    with pytest.raises(CampaignError, match="has no project of campaign.*labelcycle publish makes a new one"):
        read_votes(store, published)


def test_classes_renamed_in_the_tool(store: Store, api: Api, published: Campaign) -> None:
    (project,) = api.projects.values()
    project["label_config"] = project["label_config"].replace('"cat"', '"kitten"')
    with pytest.raises(CampaignError, match="Missing there: 'cat'. Not a class: 'kitten'"):
        read_votes(store, published)


def test_a_server_that_fails_half_way_gives_no_votes(
    store: Store, api: Api, published: Campaign, tasks: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in tasks.values():
        api.annotate(number, "cat")
    listed = api.list_tasks

    def once(query: dict[str, str]) -> tuple[int, Any]:
        api.fail("GET", "/api/tasks/", 502, times=100)
        return listed(query)

    monkeypatch.setattr(api, "list_tasks", once)
    with pytest.raises(TransientError, match="502"):
        read_votes(store, published, page_size=2)


def test_a_server_that_does_not_page_as_asked(
    store: Store, api: Api, published: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "list_tasks", lambda query: (200, {"tasks": list(api.tasks.values())}))
    with pytest.raises(InputError, match="does not list tasks by number"):
        read_votes(store, published)
    monkeypatch.setattr(api, "list_tasks", lambda query: (200, list(api.tasks.values())))
    with pytest.raises(InputError, match="no list of tasks"):
        read_votes(store, published)


def test_without_a_tool(store: Store, campaign: Campaign) -> None:
    with pytest.raises(ConfigurationError, match="no labelling tool"):
        read_votes(store, campaign)


def test_tasks_of_withdrawn_samples_are_removed_and_say_nothing(
    store: Store,
    api: Api,
    published: Campaign,
    tasks: dict[str, int],
    withdraw: Callable[..., Campaign],
    capsys: pytest.CaptureFixture[str],
) -> None:
    api.annotate(tasks[IDS[0]], "cat", 1)
    api.annotate(tasks[IDS[1]], "dog", 1)
    campaign = withdraw(published, [IDS[1], IDS[2]])
    votes = read_votes(store, campaign)
    assert said(votes) == {(IDS[0], ANN): "cat"}
    assert api.tasks.keys() == {tasks[name] for name in (IDS[0], IDS[3], IDS[4])}
    assert "2 tasks of withdrawn samples were removed from http" in capsys.readouterr().err
    assert said(read_votes(store, campaign)) == {(IDS[0], ANN): "cat"}
    assert "removed" not in capsys.readouterr().err
