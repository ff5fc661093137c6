"""Labelling configurations: made from classes, and checked against them."""

from typing import Any
from xml.etree import ElementTree

import pytest

from labelcycle.components.core.errors import CampaignError, InputError
from labelcycle.components.labelling.label_studio.hotkeys import HOTKEYS
from labelcycle.components.labelling.label_studio.project import Controls, controls_of, labelling_configuration
from tests.harness.label_studio_api import parsed

CLASSES = ["cat", 'dog & "<b>"', "ünï"]


def described(configuration: str) -> dict[str, Any]:
    return {"parsed_label_config": parsed(configuration)}


def view(choices: str, control: str = "label", image: str = "image") -> str:
    shown = f'<Image name="image" value="${image}"/>'
    return f'<View>{shown}<Choices name="{control}" toName="image">{choices}</Choices></View>'


def test_what_is_made_fits_its_classes() -> None:
    configuration = labelling_configuration(CLASSES)
    assert "&amp;" in configuration and "&lt;b&gt;" in configuration
    assert parsed(configuration)["label"]["labels"] == CLASSES
    assert parsed(configuration)["doubt"]["labels"] == ["unsure"]
    assert controls_of(described(configuration), CLASSES, "there") == Controls("label", "image", "image")


def test_classes_have_keys_as_long_as_there_are_some() -> None:
    def keys(count: int) -> list[str | None]:
        view = ElementTree.fromstring(labelling_configuration([f"class {number}" for number in range(count)]))
        return [choice.get("hotkey") for choice in view.iter("Choice")]

    assert keys(2) == ["1", "2", "n"]
    assert keys(12) == [*"1234567890", "q", "w", "n"]
    many = keys(40)
    assert many[len(HOTKEYS) : -1] == [None] * (40 - len(HOTKEYS))
    used = [key for key in many if key]
    assert len(set(used)) == len(used) == len(HOTKEYS) + 1


def test_a_class_may_be_called_unsure() -> None:
    classes = ["unsure", "sure"]
    assert controls_of(described(labelling_configuration(classes)), classes, "there").label == "label"


def test_a_projects_own_names_are_kept() -> None:
    own = view('<Choice value="Katze" alias="cat"/><Choice value="dog"/><Choice value="unsure"/>', "animal", "photo")
    assert controls_of(described(own), ["cat", "dog"], "there") == Controls("animal", "image", "photo")


def test_classes_that_differ_are_named() -> None:
    renamed = view('<Choice value="cat"/><Choice value="hound"/>')
    with pytest.raises(CampaignError) as refusal:
        controls_of(described(renamed), ["cat", "dog"], "http://there/projects/1")
    message = str(refusal.value)
    assert "choices 'label' of http://there/projects/1" in message
    assert "Missing there: 'dog'." in message and "Not a class: 'hound'." in message and "alias" in message


def test_no_such_choices() -> None:
    for configuration in ("<View/>", view('<Choice value="other"/>')):
        with pytest.raises(CampaignError, match="no choices with the campaign's classes.*<Choices"):
            controls_of(described(configuration), ["cat", "dog"], "there")


def test_choices_without_image() -> None:
    content = described(view('<Choice value="cat"/><Choice value="dog"/>'))
    content["parsed_label_config"]["label"]["inputs"] = [{"type": "Text", "value": "text"}]
    with pytest.raises(CampaignError, match="belong to no image"):
        controls_of(content, ["cat", "dog"], "there")


def test_a_server_that_says_nothing() -> None:
    with pytest.raises(InputError, match="does not describe"):
        controls_of({}, CLASSES, "there")
