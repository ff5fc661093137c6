"""The MLflow experiment that runs are logged to."""

import os
from typing import TYPE_CHECKING

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.tracking.location import TrackingLocation

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "labelcycle"


def experiment_id(client: "MlflowClient", location: TrackingLocation) -> str:
    """The id of the experiment to log to: the one that the platform chose, or one by name, created if need be.

    Raises:
        ConfigurationError: the experiment of that name has been deleted.
    """
    if injected := os.environ.get("MLFLOW_RUN_ID"):
        experiment: str = client.get_run(injected).info.experiment_id
        return experiment
    if chosen := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return chosen
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
    existing = client.get_experiment_by_name(name)
    if existing is None:
        return _create_experiment(client, name, location)
    if existing.lifecycle_stage != "active":
        raise ConfigurationError(
            f"MLflow experiment {name!r} at {location.address} has been deleted. Restore it "
            f"(mlflow experiments restore -x {existing.experiment_id}), or set MLFLOW_EXPERIMENT_NAME to another name."
        )
    found: str = existing.experiment_id
    return found


def _create_experiment(client: "MlflowClient", name: str, location: TrackingLocation) -> str:
    from mlflow.exceptions import MlflowException

    try:
        created: str = client.create_experiment(name, artifact_location=location.artifacts)
        return created
    except MlflowException:
        # Another process may have created it between our question and our answer.
        existing = client.get_experiment_by_name(name)
        if existing is None:
            raise
        found: str = existing.experiment_id
        return found
