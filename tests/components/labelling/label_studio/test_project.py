"""The campaign's project: made once, found again, and checked."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.errors import CampaignError, TransientError
from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.project import find_or_create_project, find_project, marker, title
from labelcycle.components.labelling.label_studio.tokens import token_of
from tests.harness.label_studio_api import PERSONAL, Api

MakeCampaign = Callable[..., Campaign]


def test_made_once_and_found_again(client: LabelStudio, api: Api, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign(quorum=3)
    assert find_project(client, campaign) is None
    made = find_or_create_project(client, campaign)
    assert find_or_create_project(client, campaign) == made == find_project(client, campaign)
    assert made.url == f"{api.url}/projects/{made.number}"
    assert list(api.projects) == [made.number]
    project = api.projects[made.number]
    assert project["title"] == campaign.identifier and marker(campaign) in project["description"]
    assert project["maximum_annotations"] == 3 and not project["show_collab_predictions"]


def test_a_project_shows_predictions_where_people_are_to_see_them(
    client: LabelStudio, api: Api, make_campaign: MakeCampaign
) -> None:
    made = find_or_create_project(client, make_campaign(predictions=True))
    assert api.projects[made.number]["show_collab_predictions"] is True


def test_a_long_name_keeps_its_digest(make_campaign: MakeCampaign, campaign_settings: dict[str, Any]) -> None:
    campaign_settings["name"] = "x" * 64
    campaign = make_campaign()
    assert len(title(campaign)) == 50 and title(campaign).endswith(campaign.identifier[-9:])


@pytest.mark.parametrize("changes", [{"title": "another"}, {"description": "another"}])
def test_found_whatever_people_rename(
    client: LabelStudio, api: Api, make_campaign: MakeCampaign, changes: dict[str, str]
) -> None:
    campaign = make_campaign()
    made = find_or_create_project(client, campaign)
    api.projects[made.number] |= changes
    assert find_or_create_project(client, campaign) == made


def test_found_among_many(client: LabelStudio, api: Api, make_campaign: MakeCampaign) -> None:
    for _ in range(230):
        number = api.number()
        api.projects[number] = {"id": number, "title": "other", "description": None}
    made = find_or_create_project(client, make_campaign())
    assert find_project(client, make_campaign()) == made
    assert made.number == max(api.projects)


def test_all_who_make_one_at_once_agree(api: Api, make_campaign: MakeCampaign, pauses: list[float]) -> None:
    campaign = make_campaign()
    found: list[int] = []

    def make() -> None:
        server = LabelStudio(api.url, token_of(PERSONAL, "the test"))
        found.append(find_or_create_project(server, campaign).number)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6 and set(found) == set(api.projects)


def test_whoever_made_a_second_one_deletes_it(client: LabelStudio, api: Api, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign()
    first = find_or_create_project(client, campaign)
    hidden = api.projects.pop(first.number)

    answer = api.answer

    def late(method: str, path: str, query: dict[str, str], content: Any) -> tuple[int, Any]:
        answered = answer(method, path, query, content)
        if (method, path) == ("POST", "/api/projects/"):
            api.projects = {first.number: hidden} | api.projects
        return answered

    api.answer = late  # type: ignore[method-assign]
    assert find_or_create_project(client, campaign) == first
    assert list(api.projects) == [first.number]


def test_a_lost_answer_makes_no_second_project(client: LabelStudio, api: Api, make_campaign: MakeCampaign) -> None:
    api.fail("POST", "/api/projects/", "lost")
    find_or_create_project(client, make_campaign())
    assert len(api.projects) == 1


def test_a_second_one_with_tasks_stays(client: LabelStudio, api: Api, make_campaign: MakeCampaign) -> None:
    campaign = make_campaign()
    first = find_or_create_project(client, campaign)
    hidden = api.projects.pop(first.number)
    second = find_or_create_project(client, campaign)
    api.add_task(second.number)
    third = api.projects.pop(second.number)
    api.fail("POST", "/api/projects/", "lost")
    answer = api.answer

    def late(method: str, path: str, query: dict[str, str], content: Any) -> tuple[int, Any]:
        answered = answer(method, path, query, content)
        if (method, path) == ("POST", "/api/projects/"):
            api.projects = {first.number: hidden, second.number: third} | api.projects
        return answered

    api.answer = late  # type: ignore[method-assign]
    assert find_or_create_project(client, campaign) == first
    assert list(api.projects) == [first.number, second.number]


def test_a_server_that_never_says(client: LabelStudio, api: Api, make_campaign: MakeCampaign) -> None:
    api.fail("POST", "/api/projects/", 500, times=100)
    with pytest.raises(TransientError, match="does not say whether it made a project"):
        find_or_create_project(client, make_campaign())
    assert not api.projects


def test_a_project_that_is_named(client: LabelStudio, api: Api, make_campaign: MakeCampaign) -> None:
    made = find_or_create_project(client, make_campaign())
    named = make_campaign(project=made.number)
    api.projects[made.number]["description"] = api.projects[made.number]["title"] = "ours"
    assert find_or_create_project(client, named) == made
    with pytest.raises(CampaignError, match=f"no project {made.number + 1} in Label Studio.*--label-studio-project"):
        find_or_create_project(client, make_campaign(project=made.number + 1))


def test_renamed_classes_are_refused(client: LabelStudio, api: Api, make_campaign: MakeCampaign) -> None:
    made = find_or_create_project(client, make_campaign())
    configuration = api.projects[made.number]["label_config"]
    api.projects[made.number]["label_config"] = configuration.replace('"dog"', '"hound"')
    with pytest.raises(CampaignError, match="Missing there: 'dog'. Not a class: 'hound'"):
        find_project(client, make_campaign())


def test_a_project_that_asks_for_too_few_annotations(
    client: LabelStudio, api: Api, make_campaign: MakeCampaign, capsys: pytest.CaptureFixture[str]
) -> None:
    made = find_or_create_project(client, make_campaign())
    assert find_project(client, make_campaign(quorum=2, project=made.number)) == made
    assert api.projects[made.number]["maximum_annotations"] == 2
    assert "now asks for 2 annotations a task" in capsys.readouterr().err
