"""MLflow's settings where they come under labelcycle's own names, because the platform may set MLflow's by itself."""

import os

from labelcycle.components.core.own_names import own_value

URI = "MLFLOW_TRACKING_URI"
LOG_IN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
TOKEN = "MLFLOW_TRACKING_TOKEN"
ARTIFACT_STORE = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")
"""What MLflow's client reads where it writes artifacts to the object store itself."""


def tracking_uri() -> str | None:
    """The address that the environment names; the platform's outranks ours."""
    return os.environ.get(URI) or own_value(URI)


def own_settings() -> dict[str, str]:
    """What a conversation with MLflow takes from labelcycle's own names, by MLflow's and AWS's.

    Our log-in goes to our server only: where the platform names another one, or has a log-in, ours stays out.
    """
    wanted = {name: own_value(name) for name in ARTIFACT_STORE}
    ours, platform = own_value(URI), os.environ.get(URI)
    elsewhere = bool(platform) and (platform or "").rstrip("/") != (ours or "").rstrip("/")
    if not elsewhere and not any(os.environ.get(name) for name in (*LOG_IN, TOKEN)):
        wanted |= {name: own_value(name) for name in LOG_IN}
    return {name: value for name, value in wanted.items() if value is not None}
