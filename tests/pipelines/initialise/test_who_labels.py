"""Who labels: what `labelcycle init` refuses before anybody is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from labelcycle.components.core.config.labelling import Labelling, LabelStudioTool
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.who_labels import labelling_of

TOOL = {"label_studio": "http://127.0.0.1:1", "image_server": "http://127.0.0.1:2"}


def test_settings_are_kept_in_the_campaign(begin_on_images: Callable[..., Any]) -> None:
    campaign = begin_on_images(labels_from=None, quorum=2, answered_share=0.5, **TOOL).state.campaign
    tool = LabelStudioTool(url="http://127.0.0.1:1", image_server="http://127.0.0.1:2")
    assert campaign.labelling == Labelling(quorum=2, share=0.5, tool=tool)


def test_every_setting_of_labelling_reaches_the_campaign() -> None:
    labelling = Labelling(
        quorum=2,
        share=0.5,
        deadline_hours=3,
        consensus="crowdlab",
        second_opinions=0.25,
        tool=LabelStudioTool(
            url="http://tool",
            project=7,
            images="direct",
            link_hours=5,
            image_server="http://images",
            image_endpoint="http://store",
        ),
    )
    settings = CampaignSettings(
        quorum=2,
        answered_share=0.5,
        deadline_hours=3,
        consensus="crowdlab",
        second_opinions=0.25,
        label_studio="http://tool",
        label_studio_project=7,
        image_links="direct",
        link_hours=5,
        image_server="http://images",
        image_endpoint="http://store",
    )
    assert labelling_of(settings) == labelling
    assert labelling_of(CampaignSettings()) == Labelling()


@pytest.mark.parametrize(
    ("flag", "setting"),
    [
        ("--label-studio-project", {"label_studio_project": 3}),
        ("--image-server", {"image_server": "http://there"}),
        ("--image-endpoint", {"image_endpoint": "http://there"}),
    ],
)
def test_a_tool_is_named_before_it_is_set_up(flag: str, setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{flag} is about a Label Studio server"):
        labelling_of(CampaignSettings(**setting))


def test_a_wrong_address_is_named() -> None:
    with pytest.raises(ValidationError, match=r"label_studio\n.*'tool' is not an http:// or https:// address"):
        CampaignSettings(label_studio="tool")


def test_two_label_sources(begin_on_images: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="--labels-from and --label-studio are two sources"):
        begin_on_images(**TOOL)


def test_people_need_images(begin: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="Give --images with --label-studio"):
        begin(**TOOL)


def test_files_need_an_image_server(begin_on_images: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a file, which browsers cannot open"):
        begin_on_images(str(tmp_path / "root"), labels_from=None, label_studio="http://127.0.0.1:1")
    assert not (tmp_path / "root" / "campaign.json").exists()


def test_nobody_labels_where_training_data_is_selected(begin: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="labels are all known: nobody labels"):
        begin(recipe="vecaf_linear", quorum=2, overrides={})


def test_a_label_costs_what_the_quorum_does(labelcycle: Callable[..., Any], embeddings: Path, tmp_path: Path) -> None:
    from labelcycle.components.core.campaign.campaign import load_campaign
    from labelcycle.components.core.storage import open_store

    answer = labelcycle("init", tmp_path / "root", "--embeddings", embeddings, "--budget", 10, "--quorum", 3)
    assert answer.returncode == 0, answer.stderr
    assert load_campaign(open_store(str(tmp_path / "root"))).prices.annotators_per_label == 3
