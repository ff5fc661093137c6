"""What `Campaign.create` is given by name, as the settings of a campaign take it."""

from collections.abc import Mapping

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.api.places import checked_place, plain_value
from labelcycle.pipelines.api.python_arguments import list_of, settings_by_name, shown
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings

PLACES = (
    "images",
    "watch_images",
    "embeddings",
    "groups",
    "captions",
    "labels_from",
    "test",
    "val",
    "exclude",
    "include",
    "weights",
)
"""Settings that are one path or `s3://` address."""


def campaign_arguments(settings: object, given: Mapping[str, object]) -> dict[str, object]:
    """Settings by name, those of `given` laid over those of `settings`.

    Raises:
        ConfigurationError: no settings, or a place that is empty or data in place of a file.
    """
    if settings is not None and not isinstance(settings, CampaignSettings):
        raise ConfigurationError(
            f"settings is a labelcycle.CampaignSettings; got {shown(settings)}. Give one, or the settings by name, "
            "such as budget=200."
        )
    said = {} if settings is None else settings.model_dump(by_alias=True, exclude_unset=True)
    for name, value in {**said, **given}.items():
        if name in PLACES and value is not None:
            checked_place(name, value)
    known_labels = given.get("known_labels")
    for value in [] if known_labels is None else list_of("known_labels", known_labels):
        checked_place("known_labels", value)
    if "set" in given:
        said["set"] = {
            name: plain_value(value)
            for name, value in settings_by_name("set", given["set"], '{"selector.strategy": "margin"}').items()
        }
    return said | {name: plain_value(value) for name, value in given.items() if name != "set"}
