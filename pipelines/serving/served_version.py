"""Whether the version that a service is to load is one that its pods can load, as far as MLflow can be asked here."""

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.errors import ConfigurationError, LabelcycleError
from labelcycle.components.core.storage import Store
from labelcycle.components.tracking.location import tracking_location
from labelcycle.components.tracking.model_registry import PYFUNC, registered_name
from labelcycle.components.tracking.registered_versions import registered_versions

NONE_THERE = "It has none: set MLFLOW_TRACKING_URI to the MLflow that cycles were recorded in."

MOST_NAMED = 20
"""Versions that a message names, the newest."""


def refuse_missing_version(store: Store, campaign: Campaign, version: int) -> str | None:
    """Refuse a version that MLflow lacks, or that it cannot load.

    Args:
        store: the campaign's.
        campaign: whose registered model it is.
        version: the number of the version.

    Returns:
        Why MLflow could not be asked, in words; None where it was.

    Raises:
        ConfigurationError: there is no such version, and the message names those that are there; or an earlier
            labelcycle has registered it without what MLflow loads.
    """
    address = tracking_location(store).address
    try:
        versions = registered_versions(store, campaign)
    except LabelcycleError as error:
        return str(error)
    if versions is None:
        return f"MLflow has no database at {address}. Set MLFLOW_TRACKING_URI to the server that has the model."
    model = registered_name(campaign)
    if version not in versions:
        newest = ", ".join(str(number) for number in sorted(versions)[-MOST_NAMED:])
        remedy = f"It has {newest}: correct --version." if versions else NONE_THERE
        raise ConfigurationError(f"MLflow at {address} has no version {version} of {model!r}. {remedy}")
    if versions[version] not in ("", PYFUNC):
        raise ConfigurationError(f"Pods cannot load version {version} of {model!r}: it is {versions[version]}.")
    return None
