"""Where MLflow is, for a campaign: the server or database that the environment names, else a database in the root.

labelcycle's own names of these settings win, because the platform may set MLflow's itself.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from labelcycle.components.core.config.environment import own_value
from labelcycle.components.core.storage import Store

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


DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


@dataclass(frozen=True)
class TrackingLocation:
    """An MLflow to log to.

    Attributes:
        uri: tracking server or database. May hold a password: show `address` instead.
        registry_uri: where models are registered.
        artifacts: URI under which a new experiment keeps its files; None where the server decides. A bare database
            has no place for them, and MLflow would take the working directory of whoever comes first.
        lock: file to lock while logging; None where no folder is shared by those who log.
    """

    uri: str
    registry_uri: str
    artifacts: str | None
    lock: Path | None

    @property
    def address(self) -> str:
        """The tracking URI, fit to be shown."""
        return without_credentials(self.uri)


def tracking_location(store: Store) -> TrackingLocation:
    """The MLflow of the campaign in `store`.

    `MLFLOW_TRACKING_URI` and `MLFLOW_REGISTRY_URI` decide, the first also under our own name of it. Without them it is
    a SQLite database in the campaign's folder, or in the working directory for a campaign that is in S3.
    """
    folder = None if "://" in store.root else Path(store.root)
    uri = tracking_uri() or f"sqlite:///{(folder or Path.cwd()) / DATABASE}"
    registry_uri = os.environ.get("MLFLOW_REGISTRY_URI") or uri
    database = sqlite_file(uri)
    if database is not None:
        artifacts = (database.parent / ARTIFACTS).as_uri()
        return TrackingLocation(uri, registry_uri, artifacts, database.with_name(f"{database.name}.lock"))
    beside_campaign = folder.as_uri() if folder else store.root
    kept = f"{beside_campaign}/{ARTIFACTS}" if _scheme(uri) in DATABASES else None
    return TrackingLocation(uri, registry_uri, kept, folder and folder / "mlflow.lock")


def without_credentials(text: str) -> str:
    """The text with `user:password@` cut out of every URI in it."""
    return re.sub(r"://[^/\s'\"]*@", "://", text)


def sqlite_file(uri: str) -> Path | None:
    """The absolute path of the SQLite database that a URI names; None for other URIs and for databases in memory."""
    path = uri.partition("://")[2].partition("?")[0].removeprefix("/")
    if _scheme(uri) != "sqlite" or path in ("", ":memory:"):
        return None
    return Path(path).absolute()


def _scheme(uri: str) -> str:
    """`postgresql+psycopg2://…` → `postgresql`."""
    return uri.partition("://")[0].partition("+")[0]
