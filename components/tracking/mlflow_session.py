"""A session with MLflow: bounded patience, no output of its own, and errors that say where, what, and what to do.

MLflow is steered by environment variables and global state; both are put back afterwards.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import filelock

from labelcycle.components.core.config.environment import environment
from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, TransientError
from labelcycle.components.core.logging.events import quiet, without_secrets
from labelcycle.components.tracking.location import TrackingLocation, own_settings, without_credentials
from labelcycle.components.tracking.new_database import make_database

LONGEST_DETAIL = 400

S3 = ("boto3", "botocore")
BELOW_HTTP = (*S3, "requests", "sqlalchemy", "alembic")

CREDENTIALS = (
    "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, to an account that may "
    "write; if the server speaks of an invalid host header, add the host to its --allowed-hosts."
)
SETTINGS = "Check MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME and MLFLOW_RUN_ID."
LATER = "See that the server runs and MLFLOW_TRACKING_URI names it; the next run logs what is missing."
ARTIFACT_STORE = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, MLFLOW_S3_ENDPOINT_URL and the bucket."
UPGRADE = "Make the MLflow versions on both sides the same; a database that is too old is mended by: mlflow db upgrade."


def translated(error: Exception, address: str) -> LabelcycleError | None:
    """Our error for a failure of MLflow at `address`, or None for an error that is not MLflow's."""
    if isinstance(error, LabelcycleError):
        return None
    if isinstance(error, ImportError):
        return ConfigurationError(f"MLflow cannot be imported: {_detail(error)} Install it: pip install mlflow.")
    status = _http_status(error)
    if status is None:
        return None
    if "db upgrade" in str(error) or "Can't locate revision" in str(error):
        return ConfigurationError(f"MLflow's database at {address} has another version: {_detail(error)} {UPGRADE}")
    if _package(error) in S3:
        kind = ConfigurationError if status < 500 else TransientError
        return kind(f"The artifact store of MLflow at {address} failed: {_detail(error)} {ARTIFACT_STORE}")
    if status in (401, 403):
        return ConfigurationError(f"MLflow at {address} refuses access: {_detail(error)} {CREDENTIALS}")
    if 400 <= status < 500 and status not in (408, 429):
        return ConfigurationError(f"MLflow at {address} refuses the request: {_detail(error)} {SETTINGS}")
    return TransientError(f"MLflow at {address} cannot be reached or failed: {_detail(error)} {LATER}")


def _http_status(error: Exception) -> int | None:
    """The HTTP status that an error stands for: 503 for failures below HTTP, None for errors that are not MLflow's."""
    from mlflow.exceptions import InvalidUrlException, MlflowException

    if isinstance(error, InvalidUrlException):
        return 400
    if isinstance(error, MlflowException):
        status: int = error.get_http_status_code()
        return status
    response = getattr(error, "response", None)
    if _package(error) in S3 and isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 503)
        return status
    if _package(error) == "requests" and response is not None:
        status = response.status_code
        return status
    return 503 if isinstance(error, OSError) or _package(error) in BELOW_HTTP else None


def _package(error: Exception) -> str:
    """The package that an error's class comes from; not all of these packages are installed everywhere."""
    return type(error).__module__.partition(".")[0]


def _detail(error: Exception) -> str:
    """The error's message on one line, without credentials, ending in a full stop."""
    line = " ".join(without_secrets(without_credentials(str(error))).split()) or type(error).__name__
    if len(line) > LONGEST_DETAIL:
        line = f"{line[:LONGEST_DETAIL]} …"
    return line if line.endswith(".") else f"{line}."


LOCK_SECONDS = 300.0
"""How long another process is waited for that writes to the same database."""

UNLESS_SET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""By MLflow's defaults an unreachable server costs minutes, and usage is reported to a third party."""

ALWAYS = {
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
"""Standard output belongs to the caller, who may have it read by a machine."""

NOISY = ("mlflow", "alembic", "urllib3.connectionpool")


@contextmanager
def mlflow_at(location: TrackingLocation, lock_seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Talk to MLflow at `location` inside this context, alone where that can be made sure.

    Raises:
        TransientError: MLflow cannot be reached or failed, or another process holds the lock for minutes.
        ConfigurationError: MLflow refuses the credentials or the request.
    """
    try:
        with ExitStack() as stack:
            stack.enter_context(environment(_settings(location.uri)))
            stack.enter_context(_silence())
            stack.enter_context(_global_tracking_uri(location.uri))
            stack.enter_context(_alone(location, lock_seconds))
            make_database(location)
            yield
    except Exception as error:
        ours = translated(error, location.address)
        if ours is None:
            raise
        # No chain: MLflow's own messages may quote the password in the URI.
        raise ours from None


def _settings(uri: str) -> dict[str, str]:
    """The environment that MLflow works in: ours, unless the user set it otherwise."""
    wanted = {name: value for name, value in UNLESS_SET.items() if name not in os.environ}
    return wanted | own_settings() | ALWAYS | {"MLFLOW_TRACKING_URI": uri}


@contextmanager
def _silence() -> Iterator[None]:
    """Keep MLflow's chatter out of the terminal, unless `MLFLOW_LOGGING_LEVEL` asks for it."""
    with warnings.catch_warnings():
        for package in ("mlflow", "alembic", "sqlalchemy", "pydantic", "google"):
            warnings.filterwarnings("ignore", module=rf"{package}(\.|$)")
        import mlflow  # noqa: F401 - importing it sets up its loggers, so it comes before they are silenced

        with quiet(*(() if "MLFLOW_LOGGING_LEVEL" in os.environ else NOISY)):
            yield


@contextmanager
def _global_tracking_uri(uri: str) -> Iterator[None]:
    """Make `uri` MLflow's global tracking URI, which a SQL registry asks for models whatever client calls it.

    The environment has named it already, which suffices unless the caller has set another one by code.
    """
    import mlflow

    theirs = mlflow.get_tracking_uri()
    if theirs == uri:
        yield
        return
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(theirs)


@contextmanager
def _alone(location: TrackingLocation, seconds: float) -> Iterator[None]:
    """Hold the location's lock: MLflow's creation of a SQLite database is not safe for two at once."""
    if location.lock is None:
        yield
        return
    location.lock.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(location.lock, timeout=seconds)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise TransientError(
            f"Another process has held {location.lock} for {seconds:.0f} s while logging to MLflow. "
            "Wait for it to end, then run again."
        ) from error
    try:
        yield
    finally:
        lock.release()
