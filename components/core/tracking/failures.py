"""What goes wrong with MLflow, in our own words: where, what, and what to do."""

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, TransientError
from labelcycle.components.core.logging.secrets import without_secrets
from labelcycle.components.core.tracking.location import without_credentials

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
