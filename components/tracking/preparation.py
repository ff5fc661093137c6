"""Making MLflow ready: it is imported, and its database made, before there is anything to record."""

import contextlib

from labelcycle.components.core.storage import open_store
from labelcycle.components.tracking.location import sqlite_file, tracking_location
from labelcycle.components.tracking.mlflow_session import mlflow_at


def make_ready(root: str) -> None:
    """Do ahead what the first record of a process would do first. What fails is left to the record, which tells it.

    Args:
        root: the campaign's folder or S3 prefix.

    Cost: importing mlflow takes seconds, and so does making its database, where that is one of SQLite.
    """
    with contextlib.suppress(Exception):
        location = tracking_location(open_store(root))
        with mlflow_at(location):
            from mlflow import MlflowClient

            import labelcycle.components.tracking.cycle_run  # noqa: F401 - what records need

            if sqlite_file(location.uri) is not None:
                MlflowClient(location.uri, location.registry_uri).search_experiments(max_results=1)
