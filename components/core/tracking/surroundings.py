"""What surrounds a conversation with MLflow: bounded patience, silence, and errors in our own words.

MLflow is steered by environment variables and global state; both are put back afterwards.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import filelock

from labelcycle.components.core.environment import environment
from labelcycle.components.core.errors import TransientError
from labelcycle.components.core.logging.quiet import quiet
from labelcycle.components.core.tracking.failures import translated
from labelcycle.components.core.tracking.location import TrackingLocation
from labelcycle.components.core.tracking.own_settings import own_settings

LOCK_SECONDS = 300.0

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
def mlflow_at(location: TrackingLocation) -> Iterator[None]:
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
            stack.enter_context(_alone(location))
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
def _alone(location: TrackingLocation) -> Iterator[None]:
    """Hold the location's lock: MLflow's creation of a SQLite database is not safe for two at once."""
    if location.lock is None:
        yield
        return
    location.lock.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(location.lock, timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise TransientError(
            f"Another process has held {location.lock} for {LOCK_SECONDS:.0f} s while logging to MLflow. "
            "Wait for it to end, then run again."
        ) from error
    try:
        yield
    finally:
        lock.release()
