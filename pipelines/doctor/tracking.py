"""MLflow as this machine would reach it: that it answers, its version, and that it takes the log-in.

A cycle is committed whether or not MLflow answers, and recorded by a later one; so nothing here fails.
"""

import base64
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import requests

from labelcycle.components.core.config.environment import environment
from labelcycle.components.core.storage.open import open_store
from labelcycle.components.tracking.location import (
    LOG_IN,
    TOKEN,
    own_settings,
    sqlite_file,
    tracking_location,
    tracking_uri,
    without_credentials,
)
from labelcycle.pipelines.doctor.check_result import Check, CheckResult, passed, warned

SECONDS = (5, 10)
"""To connect, and for each part of an answer."""

UNCHECKED = "MLFLOW_TRACKING_INSECURE_TLS"
"""MLflow's own variable by which its client trusts anybody; nothing here does."""

SQLITE = b"SQLite format 3\x00"
LATER = "The next cycle records what is missing."
SEARCH = "api/2.0/mlflow/experiments/search"
LOGGED_IN = (
    "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, to an account of the server."
)


def tracking_checks(root: str, in_cluster: bool) -> list[Check]:
    """What to look at of the MLflow that the environment names.

    Args:
        root: of the campaign, which holds the database where the environment names no MLflow; may be empty.
        in_cluster: whether pods will record, so that nothing need be reachable from here.
    """
    if in_cluster and tracking_uri() is None:
        return []
    return [Check("mlflow", "mlflow", lambda: check_mlflow(root))]


def check_mlflow(root: str) -> Iterator[CheckResult]:
    """The server or database that records the cycles."""
    uri = tracking_uri()
    if uri is None:
        uri = tracking_location(open_store(root or ".")).uri
    shown = without_credentials(uri)
    if uri.startswith(("http://", "https://")):
        yield from _server(uri.rstrip("/"), shown)
        return
    database = sqlite_file(uri)
    if database is None:
        yield passed("mlflow", f"{shown}, which is not asked from here")
    else:
        yield _database(database)


def _database(path: Path) -> CheckResult:
    if not path.exists():
        return passed("mlflow", f"the first cycle makes the database {path}")
    try:
        with path.open("rb") as file:
            beginning = file.read(len(SQLITE))
    except OSError as error:
        return warned("mlflow", f"{path} cannot be read: {error.strerror}", "Grant access to it.")
    if beginning and beginning != SQLITE:
        return warned("mlflow", f"{path} is no SQLite database", "Move it away, or correct MLFLOW_TRACKING_URI.")
    if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        return warned("mlflow", f"{path} may not be written", "Grant write access to it and its folder.")
    return passed("mlflow", f"the database {path}")


def _server(uri: str, shown: str) -> Iterator[CheckResult]:
    try:
        answer = _get(f"{uri}/version")
    except requests.RequestException as error:
        if isinstance(error, requests.exceptions.SSLError) and os.environ.get(UNCHECKED, "").lower() == "true":
            yield passed("mlflow", f"{shown}, not asked, as {UNCHECKED} is set and its certificate is not trusted")
            return
        yield warned("mlflow", f"{shown} does not answer: {_why(error)}", f"See that it runs. {LATER}")
        return
    if answer.status_code in (401, 403):
        yield _log_in(uri, shown)
        return
    version = answer.text.strip()
    if not answer.ok or not version[:1].isdigit() or len(version) > 40:
        yield warned(
            "mlflow",
            f"{shown} does not answer as an MLflow server: status {answer.status_code}",
            "Correct MLFLOW_TRACKING_URI.",
        )
        return
    client = metadata.version("mlflow")
    if version.partition(".")[0] != client.partition(".")[0]:
        remedy = "Bring both to one major version."
        yield warned("mlflow", f"{shown} is MLflow {version}, and this client {client}", remedy)
    else:
        yield passed("mlflow", f"{shown} is MLflow {version}")
    yield _log_in(uri, shown)


def _log_in(uri: str, shown: str) -> CheckResult:
    try:
        answer = _get(f"{uri}/{SEARCH}", max_results="1")
    except requests.RequestException as error:
        return warned("mlflow log-in", f"{shown} does not answer: {_why(error)}", f"See that it runs. {LATER}")
    if answer.ok:
        return passed("mlflow log-in", f"{shown} takes it")
    if answer.status_code == 403 and "host header" in answer.text.lower():
        return warned(
            "mlflow log-in",
            f"{shown} does not answer to this name",
            "Add the name, with and without its port, to the server's MLFLOW_SERVER_ALLOWED_HOSTS.",
        )
    if answer.status_code in (401, 403):
        return warned("mlflow log-in", f"{shown} refuses it with status {answer.status_code}", LOGGED_IN)
    remedy = f"Look at the server's log. {LATER}"
    return warned("mlflow log-in", f"{shown} failed with status {answer.status_code}", remedy)


def _get(address: str, **query: str) -> requests.Response:
    """One request, which follows nothing, so that a log-in goes to the named server alone."""
    given = {name: os.environ.get(name) for name in (*LOG_IN, TOKEN)} | own_settings()
    headers = {}
    if given[LOG_IN[0]] and given[LOG_IN[1]]:
        account = base64.b64encode(f"{given[LOG_IN[0]]}:{given[LOG_IN[1]]}".encode()).decode()
        headers["Authorization"] = f"Basic {account}"
    elif given[TOKEN]:
        headers["Authorization"] = f"Bearer {given[TOKEN]}"
    authority = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    with environment({"REQUESTS_CA_BUNDLE": authority} if authority else {}):
        return requests.get(address, params=query, headers=headers, timeout=SECONDS, allow_redirects=False)


def _why(error: requests.RequestException) -> str:
    """A few words; what requests says repeats the address, with what may be in it."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return f"no answer within {SECONDS[1]} s"
    return "no connection"
