"""A project follows the classes of a campaign that was amended, and what annotations hold stays readable."""

import xml.etree.ElementTree as xml
from collections.abc import Callable
from typing import Any

import pytest

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.campaign.commits import Commit
from labelcycle.components.core.errors import CampaignError
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.label_studio.client import LabelStudio
from labelcycle.components.labelling.label_studio.present_classes import with_present_classes
from labelcycle.components.labelling.label_studio.project import find_or_create_project, labelling_configuration
from labelcycle.components.labelling.label_studio.read_votes import read_votes
from labelcycle.components.labelling.label_studio.send_query import publish_query
from tests.components.labelling.label_studio.conftest import IDS
from tests.harness.label_studio_api import Api

MakeCampaign = Callable[..., Campaign]


def choices(configuration: str) -> list[tuple[str | None, str | None]]:
    """What people see, and its alias."""
    control = next(xml.fromstring(configuration).iter("Choices"))
    return [(choice.get("value"), choice.get("alias")) for choice in control.iter("Choice")]


def test_a_project_follows(
    store: Store, client: LabelStudio, api: Api, make_campaign: MakeCampaign, make_commit: Callable[..., Commit]
) -> None:
    campaign = make_campaign(predictions=True)
    publish_query(store, campaign, make_commit(IDS[:2]))
    number = next(iter(api.projects))
    for task, label in zip(list(api.tasks), ("cat", "dog"), strict=True):
        api.annotate(task, label)
    amended = campaign.amended({"classes": ["feline", "dog", "bird"], "former_classes": {"cat": "feline"}})
    publish_query(store, amended, make_commit(IDS[2:3], cycle=4, predicted=["cat"]))
    configuration = api.projects[number]["label_config"]
    assert choices(configuration) == [("feline", "cat"), ("dog", None), ("bird", None)]
    assert "unsure" in configuration and "$image" in configuration
    assert [choice.get("hotkey") for choice in xml.fromstring(configuration).iter("Choice")] == ["1", "2", "3", "n"]
    prediction = list(api.tasks.values())[-1]["predictions"][0]["result"][0]["value"]
    assert prediction == {"choices": ["cat"]}, "annotations and predictions hold the alias"
    api.annotate(list(api.tasks)[-1], "bird")
    assert sorted(vote.label or "" for vote in read_votes(store, amended)) == ["bird", "dog", "feline"]
    patches = api.count("PATCH", "/api/projects/")
    merged = amended.amended(
        {"classes": ["animal", "bird"], "former_classes": {"cat": "animal", "feline": "animal", "dog": "animal"}}
    )
    assert {vote.label for vote in read_votes(store, merged)} == {"animal", "bird"}
    shown = choices(api.projects[number]["label_config"])
    assert shown == [("animal", "cat"), ("animal (was dog)", "dog"), ("bird", None)]
    assert find_or_create_project(client, merged).controls.choice_of("animal") == "cat"
    assert api.count("PATCH", "/api/projects/") == patches + 1, "a project that has them is left alone"


def test_a_server_that_refuses_is_named(
    store: Store,
    api: Api,
    make_campaign: MakeCampaign,
    make_commit: Callable[..., Commit],
    capsys: pytest.CaptureFixture[str],
) -> None:
    campaign = make_campaign()
    publish_query(store, campaign, make_commit(IDS[:2]))
    for task, label in zip(list(api.tasks), ("cat", "wolf"), strict=True):
        api.annotate(task, label)
    renamed = campaign.amended({"classes": ["feline", "dog"], "former_classes": {"cat": "feline"}})
    assert [vote.label for vote in read_votes(store, renamed)] == ["feline"]
    assert "does not offer the classes as they were amended" in capsys.readouterr().err
    with pytest.raises(CampaignError, match="Missing there: 'bird'"):
        read_votes(store, campaign.amended({"classes": ["cat", "dog", "bird"]}))


def test_merged_into_one_of_them(make_campaign: MakeCampaign) -> None:
    campaign = make_campaign().amended({"classes": ["cat", "dog", "bird"]})
    before = with_present_classes(labelling_configuration(["cat", "dog"]), campaign)
    assert before is not None and with_present_classes(before, campaign) is None
    after = with_present_classes(
        before, campaign.amended({"classes": ["dog", "bird"], "former_classes": {"cat": "dog"}})
    )
    assert after is not None and choices(after) == [("dog (was cat)", "cat"), ("dog", None), ("bird", None)]


def test_what_people_changed_stays(make_campaign: MakeCampaign) -> None:
    own = labelling_configuration(["cat", "dog"]).replace(
        'value="cat" hotkey="1"', 'value="Katze" alias="cat" hotkey="k"'
    )
    campaign = make_campaign().amended(
        {"classes": ["feline", "hound"], "former_classes": {"cat": "feline", "dog": "hound"}}
    )
    after = with_present_classes(own, campaign)
    assert after is not None and choices(after) == [("Katze", "cat"), ("hound", "dog")] and 'hotkey="k"' in after
    assert with_present_classes("<View", campaign) is None
    assert with_present_classes(f"<!DOCTYPE View>{own}", campaign) is None
    assert with_present_classes("<View/>", campaign) is None


def test_a_choice_that_people_took_away_is_not_put_back(
    client: LabelStudio, api: Api, make_campaign: MakeCampaign, campaign_settings: dict[str, Any]
) -> None:
    campaign = make_campaign()
    number = find_or_create_project(client, campaign).number
    api.projects[number]["label_config"] = labelling_configuration(["cat", "bird"])
    with pytest.raises(CampaignError, match="Missing there: 'dog'"):
        find_or_create_project(client, campaign.amended({"classes": ["cat", "dog", "bird"]}))
