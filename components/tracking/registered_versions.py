"""The versions of the campaign's registered model that MLflow has, asked before something relies on one."""

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.storage import Store
from labelcycle.components.tracking.location import sqlite_file, tracking_location
from labelcycle.components.tracking.mlflow_session import mlflow_at


def registered_versions(store: Store, campaign: Campaign) -> dict[int, str] | None:
    """The format of each version by its number, as its tag `labelcycle.model_format` says; empty where it has none.

    Args:
        store: the campaign's.
        campaign: whose registered model it is.

    Returns:
        None where no database is there that could be asked; none is made.

    Raises:
        ConfigurationError: MLflow refuses the credentials or the request.
        TransientError: MLflow cannot be reached or failed.

    Cost: importing mlflow, and one search.
    """
    location = tracking_location(store)
    databases = [sqlite_file(uri) for uri in (location.uri, location.registry_uri)]
    if any(database is not None and not database.is_file() for database in databases):
        return None
    with mlflow_at(location):
        from mlflow import MlflowClient

        from labelcycle.components.tracking.experiments import MODEL_FORMAT
        from labelcycle.components.tracking.model_registry import registered_name

        client = MlflowClient(tracking_uri=location.uri, registry_uri=location.registry_uri)
        found = client.search_model_versions(f"name = '{registered_name(campaign)}'")
    return {int(version.version): version.tags.get(MODEL_FORMAT, "") for version in found}
