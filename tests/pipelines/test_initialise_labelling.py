"""Who labels: what `labelcycle init` refuses before anybody is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labelcycle.components.core.config.labelling import Labelling, LabelStudioTool
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.initialise.labelling import labelling_of, tool_of

TOOL = LabelStudioTool(url="http://127.0.0.1:1", image_server="http://127.0.0.1:2")


def test_settings_are_kept_in_the_campaign(begin_on_images: Callable[..., Any]) -> None:
    labelling = Labelling(quorum=2, share=0.5, tool=TOOL)
    assert begin_on_images(labels_from=None, labelling=labelling).state.campaign.labelling == labelling


@pytest.mark.parametrize("setting", ["project", "image_server", "image_endpoint"])
def test_a_tool_is_named_before_it_is_set_up(setting: str) -> None:
    flag = {"project": "--label-studio-project"}.get(setting, f"--{setting.replace('_', '-')}")
    with pytest.raises(ConfigurationError, match=f"{flag} is about a Label Studio server"):
        tool_of(None, **{setting: "http://there"})
    assert tool_of(None, **{setting: None}) is None


def test_a_wrong_address_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"tool.url: 'tool' is no http:// or https:// address"):
        labelling_of(tool=tool_of("tool"), quorum=1)


def test_two_label_sources(begin_on_images: Callable[..., Any], pictures: Any) -> None:
    with pytest.raises(ConfigurationError, match="--labels-from and --label-studio are two sources"):
        begin_on_images(labelling=Labelling(tool=TOOL))


def test_people_need_images(begin: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="Begin with --images for --label-studio"):
        begin(labelling=Labelling(tool=TOOL))


def test_files_need_an_image_server(begin_on_images: Callable[..., Any], tmp_path: Path) -> None:
    without = LabelStudioTool(url="http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="is a file, which browsers cannot open"):
        begin_on_images(str(tmp_path / "root"), labels_from=None, labelling=Labelling(tool=without))
    assert not (tmp_path / "root" / "campaign.json").exists()


def test_nobody_labels_where_training_data_is_selected(begin: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="labels are all known: nobody labels"):
        begin(recipe="vecaf_linear", labelling=Labelling(quorum=2), overrides={})


def test_a_label_costs_what_the_quorum_does(labelcycle: Callable[..., Any], embeddings: Path, tmp_path: Path) -> None:
    from labelcycle.components.core.campaign.campaign import load_campaign
    from labelcycle.components.core.storage import open_store

    answer = labelcycle("init", tmp_path / "root", "--embeddings", embeddings, "--budget", 10, "--quorum", 3)
    assert answer.returncode == 0, answer.stderr
    assert load_campaign(open_store(str(tmp_path / "root"))).prices.annotators_per_label == 3
