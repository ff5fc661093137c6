"""What goes wrong with MLflow, in our own words: where, what, and what to do."""

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, TransientError
from labelcycle.components.core.tracking.location import without_credentials

LONGEST_DETAIL = 400

CREDENTIALS = (
    "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, to an account that may "
    "write; if the server speaks of an invalid host header, add the host to its --allowed-hosts."
)
SETTINGS = "Check MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME and MLFLOW_RUN_ID."
LATER = "See that the server runs and MLFLOW_TRACKING_URI names it; the next run logs what is missing."
UPGRADE = "Make the MLflow versions on both sides the same; a database that is too old is mended by: mlflow db upgrade."


def translated(error: Exception, address: str) -> LabelcycleError | None:
    """Our error for a failure of MLflow at `address`, or None for an error that is not MLflow's."""
    if isinstance(error, LabelcycleError):
        return None
    if isinstance(error, ImportError):
        return ConfigurationError(f"MLflow cannot be imported ({_detail(error)}). Install it: pip install mlflow.")
    status = _http_status(error)
    if status is None:
        return None
    if status in (401, 403):
        return ConfigurationError(f"MLflow at {address} refuses access: {_detail(error)} {CREDENTIALS}")
    if "db upgrade" in str(error) or "Can't locate revision" in str(error):
        return ConfigurationError(f"MLflow's database at {address} has another version: {_detail(error)} {UPGRADE}")
    if 400 <= status < 500 and status not in (408, 429):
        return ConfigurationError(f"MLflow at {address} refuses the request: {_detail(error)} {SETTINGS}")
    return TransientError(f"MLflow at {address} cannot be reached or failed: {_detail(error)} {LATER}")


def _http_status(error: Exception) -> int | None:
    """The HTTP status that an error stands for: 503 for failures below HTTP, None for errors that are not MLflow's."""
    import boto3.exceptions
    import botocore.exceptions
    import requests
    from alembic.util.exc import CommandError
    from mlflow.exceptions import InvalidUrlException, MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    if isinstance(error, InvalidUrlException):
        return 400
    if isinstance(error, MlflowException):
        status: int = error.get_http_status_code()
        return status
    if isinstance(error, requests.RequestException):
        return 503 if error.response is None else error.response.status_code
    if isinstance(error, botocore.exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 503)
        return status
    below_http = (
        boto3.exceptions.Boto3Error,
        botocore.exceptions.BotoCoreError,
        CommandError,
        SQLAlchemyError,
        OSError,
    )
    return 503 if isinstance(error, below_http) else None


def _detail(error: Exception) -> str:
    """The error's message on one line, without credentials, ending in a full stop."""
    line = " ".join(without_credentials(str(error)).split()) or type(error).__name__
    if len(line) > LONGEST_DETAIL:
        line = f"{line[:LONGEST_DETAIL]} …"
    return line if line.endswith(".") else f"{line}."
